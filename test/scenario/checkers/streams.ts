/**
 * Each stream delivers exactly the bytes that were written, in order, or ends with an error: never wrong bytes, never a clean
 * end on truncated data, and no end that is left waiting.
 */
import { SESSION_DANGLING_MS } from '../bounds.ts';
import type { Checker, Violation } from '../checker.ts';
import type { Event, Side, StreamId } from '../history.ts';
import { type Facts, factsOf } from './facts.ts';

interface End {
  wrote: number;
  read: number;
  finished: number | undefined;
  /** It read the end of what the other one wrote. */
  ended: boolean;
  /** It broke the stream off, or saw it broken. */
  broken: 'aborted' | 'failed' | undefined;
  overMs: number | undefined;
}

interface Stream {
  readonly openedMs: number;
  readonly broker: string;
  bridge: string | undefined;
  readonly client: End;
  readonly store: End;
}

type SideEvent = Extract<Event, { side: Side }>;

export const checkStreams: Checker = (history, scenario) => {
  const facts = factsOf(history, scenario);
  const streams = new Map<StreamId, Stream>();
  const found: Violation[] = [];
  for (const event of history) {
    if (event.what === 'opened') {
      if (streams.has(event.stream))
        found.push(violation(event.ms, `stream ${event.stream} was opened twice`));
      streams.set(event.stream, newStream(event));
    } else if (event.what === 'served') {
      const stream = streams.get(event.stream);
      if (!stream || stream.bridge !== undefined)
        found.push(violation(event.ms, `stream ${event.stream} was served twice, or before it was opened`));
      if (stream) stream.bridge = event.bridge;
    } else if ('side' in event) {
      const stream = streams.get(event.stream);
      const fault = stream ? step(stream, event) : 'something happened before it was opened';
      if (fault !== undefined)
        found.push(violation(event.ms, `stream ${event.stream}, ${event.side}: ${fault}`));
    }
  }
  for (const [id, stream] of streams) found.push(...judge(id, stream, facts));
  return found;
};

function violation(ms: number, text: string): Violation {
  return { checker: 'streams', ms, text };
}

function newStream({ ms: openedMs, broker }: Event & { readonly what: 'opened' }): Stream {
  return { openedMs, broker, bridge: undefined, client: newEnd(), store: newEnd() };
}

function newEnd(): End {
  return { wrote: 0, read: 0, finished: undefined, ended: false, broken: undefined, overMs: undefined };
}

function step(stream: Stream, event: SideEvent): string | undefined {
  const [own, other] =
    event.side === 'client' ? [stream.client, stream.store] : [stream.store, stream.client];
  if (own.broken) return `'${event.what}' after it was broken off`;
  const fault = apply(own, other, event);
  if (own.broken || (own.ended && own.finished !== undefined)) own.overMs ??= event.ms;
  return fault;
}

function apply(own: End, other: End, event: SideEvent): string | undefined {
  switch (event.what) {
    case 'wrote':
      if (own.finished !== undefined || event.from !== own.wrote)
        return 'the workload wrote at the wrong place';
      own.wrote += event.bytes;
      return undefined;
    case 'read':
      return applyRead(own, other, event);
    case 'finished':
      own.finished = event.total;
      return event.total === own.wrote ? undefined : 'the workload finished at the wrong place';
    case 'end':
      if (own.ended) return 'a second end';
      own.ended = true;
      if (other.finished === undefined)
        return `a clean end after ${own.read} bytes of a writer that had not ended`;
      return own.read === other.finished
        ? undefined
        : `a clean end after ${own.read} of ${other.finished} bytes`;
    case 'aborted':
    case 'failed':
      own.broken = event.what;
      return undefined;
  }
}

function applyRead(own: End, other: End, event: Extract<Event, { what: 'read' }>): string | undefined {
  const expected = own.read;
  own.read = event.from + event.bytes;
  if (own.ended) return 'bytes after the end';
  if (event.wrongAt !== undefined) return `a wrong byte at ${event.wrongAt}`;
  if (event.from !== expected) return `bytes from ${event.from} on where those from ${expected} on were due`;
  return own.read > other.wrote ? `${own.read} bytes read of ${other.wrote} written` : undefined;
}

/**
 * Both ends learn of it, each by an end or by an error, while the run lasts. An end whose other one has died without a word may
 * wait for as long as sessions do, and is cut with the end of the run where that comes first.
 */
function judge(id: StreamId, stream: Stream, facts: Facts): Violation[] {
  const { openedMs, broker, bridge, client, store } = stream;
  const { untilMs } = facts.scenario;
  const hasLost = [broker, ...(bridge === undefined ? [] : [bridge])].some((name) =>
    facts.ended(name, Math.max(openedMs, untilMs - SESSION_DANGLING_MS), untilMs),
  );
  // A leg may stand in line for a slot for as long as it likes to.
  const isExcused = hasLost || facts.full(facts.relays, untilMs - SESSION_DANGLING_MS, untilMs);
  const boundMs = isExcused ? Number.POSITIVE_INFINITY : untilMs;
  const sides = bridge === undefined ? (['client'] as const) : (['client', 'store'] as const);
  return sides.flatMap((side) => {
    const [own, other] = side === 'client' ? [client, store] : [store, client];
    if (own.overMs !== undefined && own.overMs < boundMs) return [];
    const what = other.broken ? `had ${other.broken}` : `had read ${other.read} bytes`;
    const text = `stream ${id}, ${side}: opened at ${openedMs} ms and never over; the other end ${what}`;
    return [violation(untilMs, text)];
  });
}
