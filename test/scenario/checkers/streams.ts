/**
 * Each stream delivers exactly the bytes that were written, in order, or ends with an error: never wrong bytes, never a clean
 * end on truncated data, and no end that is left waiting.
 */
import type { Checker, Violation } from '../checker.ts';
import type { Event, Side, StreamId } from '../history.ts';

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
  served: boolean;
  readonly client: End;
  readonly store: End;
}

type SideEvent = Extract<Event, { side: Side }>;

export const checkStreams: Checker = (history, { untilMs }) => {
  const streams = new Map<StreamId, Stream>();
  const found: Violation[] = [];
  for (const event of history) {
    if (event.what === 'opened') {
      if (streams.has(event.stream))
        found.push(violation(event.ms, `stream ${event.stream} was opened twice`));
      streams.set(event.stream, { openedMs: event.ms, served: false, client: newEnd(), store: newEnd() });
    } else if (event.what === 'served') {
      const stream = streams.get(event.stream);
      if (!stream || stream.served)
        found.push(violation(event.ms, `stream ${event.stream} was served twice, or before it was opened`));
      if (stream) stream.served = true;
    } else if ('side' in event) {
      const stream = streams.get(event.stream);
      const fault = stream ? step(stream, event) : 'something happened before it was opened';
      if (fault !== undefined)
        found.push(violation(event.ms, `stream ${event.stream}, ${event.side}: ${fault}`));
    }
  }
  for (const [id, stream] of streams) found.push(...judge(id, stream, untilMs));
  return found;
};

function violation(ms: number, text: string): Violation {
  return { checker: 'streams', ms, text };
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

/** Both ends learn of it, each by an end or by an error; an end is clean only where the other one has finished. */
function judge(id: StreamId, { openedMs, served, client, store }: Stream, untilMs: number): Violation[] {
  const open = (['client', 'store'] as const).filter((side) => {
    const end = side === 'client' ? client : store;
    // At the end of a run whatever is left is cut: that is no end of its own.
    return (side === 'client' || served) && (end.overMs ?? Number.POSITIVE_INFINITY) >= untilMs;
  });
  return open.map((side) => {
    const { read, broken } = side === 'client' ? store : client;
    const other =
      broken === undefined ? `the other end had read ${read} bytes` : `the other end had ${broken}`;
    return violation(untilMs, `stream ${id}, ${side}: opened at ${openedMs} ms and never over; ${other}`);
  });
}
