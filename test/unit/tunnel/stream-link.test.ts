/**
 * A stream that was cut never looks like one that ended: every way to cut it, at either end, with a reader that reads,
 * one that is paused, and with nothing in flight, before and after the reader has ended its own direction.
 */
import type { Http2Session, Http2Stream } from 'node:http2';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LEG_LINGER_MS, SESSION_DANGLING_MS } from '../../../src/base/limits.ts';
import type { Link } from '../../../src/net/link.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { closed, watch } from '../../support/streams.ts';
import { type TunnelPair, tunnelPair } from '../../support/tunnels.ts';

checkLeaks();

interface Scene {
  readonly tunnel: TunnelPair;
  readonly writer: Link;
  readonly reader: Link;
}

/** What happens in node:http2, or below it, for reasons of its own. */
function http2Of({ stream }: Link): Http2Stream & { readonly session: Http2Session } {
  if (!('session' in stream)) throw new Error('not an HTTP/2 stream');
  return stream as Http2Stream & { readonly session: Http2Session };
}

/** The TLS socket below a session, which `session.socket` guards. */
function tlsOf(link: Link): { end(): void; destroy(): void } {
  const { session } = http2Of(link);
  const [socket] = Object.getOwnPropertySymbols(session)
    .filter((symbol) => symbol.description === 'socket')
    .map((symbol) => Reflect.get(session, symbol));
  return socket;
}

const CUTS: Readonly<Record<string, (scene: Scene) => void>> = {
  'the writer resets the stream': ({ writer }) => writer.reset(),
  'the reader resets the stream': ({ reader }) => reader.reset(),
  "the writer's stream is destroyed without an error": ({ writer }) => writer.stream.destroy(),
  "the reader's stream is destroyed without an error": ({ reader }) => reader.stream.destroy(),
  'the reader closes the stream with NO_ERROR': ({ reader }) => http2Of(reader).close(0),
  'the reader closes the stream with CANCEL': ({ reader }) => http2Of(reader).close(8),
  "the writer's session is destroyed without an error": ({ writer }) => http2Of(writer).session.destroy(),
  "the writer's session is destroyed with an error": ({ writer }) =>
    http2Of(writer).session.destroy(new Error('broken')),
  "the reader's session is destroyed without an error": ({ reader }) => http2Of(reader).session.destroy(),
  "the writer's TLS ends": ({ writer }) => tlsOf(writer).end(),
  "the reader's TLS ends": ({ reader }) => tlsOf(reader).end(),
  "the writer's TLS is destroyed": ({ writer }) => tlsOf(writer).destroy(),
  "the reader's TLS is destroyed": ({ reader }) => tlsOf(reader).destroy(),
  'the broker destroys the tunnel': ({ tunnel }) => tunnel.broker.destroy(),
  'the bridge destroys the tunnel': ({ tunnel }) => tunnel.bridge.destroy(),
  "the leg is reset at the broker's side": ({ tunnel }) => tunnel.links[0].reset(),
  "the leg is reset at the bridge's side": ({ tunnel }) => tunnel.links[1].reset(),
  "the leg ends at the broker's side": ({ tunnel }) => void tunnel.links[0].stream.end(),
  "the leg is destroyed at the bridge's side": ({ tunnel }) => void tunnel.links[1].stream.destroy(),
};

const READERS = ['broker', 'bridge'] as const;
const STATES = ['reads', 'is paused', 'has read all'] as const;
const MORE_THAN_WINDOW = 3 * 1_024 * 1_024;

async function play(
  cut: (scene: Scene) => void,
  reads: (typeof READERS)[number],
  state: (typeof STATES)[number],
  hasEnded: boolean,
): Promise<readonly string[]> {
  // The clock stands still: no deadline helps a stream that hangs, but one whose tunnel waits for another leg.
  const clock = new ManualClock();
  const tunnel = await tunnelPair({ clock });
  onTestFinished(async () => {
    const closing = tunnel.close();
    await clock.advanceAsync(LEG_LINGER_MS);
    await closing;
  });
  const ends = await tunnel.open();
  const [reader, writer] = reads === 'broker' ? [ends.broker, ends.bridge] : [ends.bridge, ends.broker];
  const scene = { tunnel, writer, reader };
  writer.stream.on('error', () => {});
  writer.stream.resume();
  if (hasEnded) {
    reader.stream.end();
    await settled(() => writer.stream.readableEnded);
  }
  const seen = watch(reader.stream);
  writer.stream.write(Buffer.alloc(state === 'has read all' ? 1_000 : MORE_THAN_WINDOW));
  await settled(() => seen.bytes.length > 0);
  if (state === 'is paused') reader.stream.pause();
  if (state === 'has read all') await settled(() => seen.bytes.length === 1_000);
  else await settled(() => false, 5);
  cut(scene);
  await settled(() => reader.stream.destroyed, 200);
  if (tunnel.broker.legs.length === 0 && tunnel.broker.usable) {
    await clock.advanceAsync(SESSION_DANGLING_MS - 1);
    expect(seen.events).toEqual([]);
    await clock.advanceAsync(1);
    await settled(() => reader.stream.destroyed, 200);
  }
  reader.stream.resume();
  await seen.closed;
  return seen.events;
}

describe.each(Object.entries(CUTS))('when %s', (_name, cut) => {
  it.each(READERS)('the reader at the %s sees no end', async (reads) => {
    const plays = STATES.flatMap((state) =>
      [false, true].map(async (hasEnded) => {
        const events = await play(cut, reads, state, hasEnded);
        expect(events, `a reader that ${state}, own end: ${hasEnded}`).not.toContain('end');
        expect(events.at(-1)).toBe('close');
      }),
    );
    await Promise.all(plays);
  });
});

describe('a stream link', () => {
  it('keeps an end that came before the cut, unread bytes included', async () => {
    const tunnel = await tunnelPair();
    onTestFinished(() => tunnel.close());
    const { broker, bridge } = await tunnel.open();
    broker.stream.pause();
    broker.stream.end();
    bridge.stream.resume();
    bridge.stream.end(Buffer.alloc(100_000, 'x'));
    await closed(bridge.stream);
    const seen = watch(broker.stream);
    await seen.closed;
    expect(seen.events).toEqual(['end', 'close']);
    expect(seen.bytes).toHaveLength(100_000);
  });

  it('is told from others by the chain of its peer', async () => {
    const tunnel = await tunnelPair();
    onTestFinished(() => tunnel.close());
    const { broker, bridge } = await tunnel.open();
    expect(broker.peerChain).toHaveLength(2);
    expect(bridge.peerChain).toHaveLength(2);
    expect(broker.peerChain[0]?.equals(bridge.peerChain[0] ?? Buffer.alloc(0))).toBe(false);
  });
});
