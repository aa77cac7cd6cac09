/** Both ends of a session without TLS above it, over legs that a test makes, cuts and holds. */
import { onTestFinished } from 'vitest';
import type { Clock } from '../../src/base/clock.ts';
import type { BeaconError } from '../../src/base/errors.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { Link } from '../../src/net/link.ts';
import type { Leg } from '../../src/tunnel/leg.ts';
import { attachLeg, beginSession } from '../../src/tunnel/open-leg.ts';
import { SessionStream, type SessionWatcher } from '../../src/tunnel/session-stream.ts';
import { Sessions } from '../../src/tunnel/sessions.ts';
import { ManualClock } from './manual-clock.ts';
import { type LinkKind, openPair } from './net-links.ts';

export const SESSION = Buffer.alloc(16, 5);
export const KEY = Buffer.alloc(32, 7);
export const NO_SIGNAL = new AbortController().signal;

/** A watcher that writes down what it is told. */
export function watcherOf(events: string[]): SessionWatcher {
  return {
    onLegGone: (leg, error) => events.push(`gone ${leg.id}${error ? ` ${error.code}` : ''}`),
    onSuspect: (leg) => events.push(`suspect ${leg.id}`),
    onMove: (to, why) => events.push(`move ${to.id} ${why}`),
    onLeave: (node) => events.push(`leave ${node}`),
  };
}

/** The broker's end of a session whose first leg is `link`. */
export function brokerStream(link: Link, clock: Clock, events: string[] = []): SessionStream {
  const stream = new SessionStream({ role: 'broker', id: SESSION, clock, watcher: watcherOf(events) });
  beginSession(stream, { id: 1, link, path: ['relay-0'], clock });
  return stream;
}

/** The sessions of a bridge, and what became of them. */
export interface BridgeSide {
  readonly sessions: Sessions;
  /** In the order in which they were begun. */
  readonly streams: SessionStream[];
  /** Codes of the legs that came to nothing. */
  readonly failed: string[];
  readonly events: string[];
  /** The next session that is begun. */
  begun(): Promise<SessionStream>;
}

export function bridgeSide(clock: Clock): BridgeSide {
  const waiting: ((stream: SessionStream) => void)[] = [];
  const side = { streams: [] as SessionStream[], failed: [] as string[], events: [] as string[] };
  const sessions = new Sessions({
    clock,
    random: systemRandom,
    watcher: watcherOf(side.events),
    onSession: (stream) => {
      side.streams.push(stream);
      waiting.shift()?.(stream);
    },
    onLegOpened: () => {},
    onLegFailed: ({ code }: BeaconError) => side.failed.push(code),
  });
  return { ...side, sessions, begun: () => new Promise((resolve) => waiting.push(resolve)) };
}

/** One leg: the links below its two ends. */
export interface Ends {
  readonly broker: Link;
  readonly bridge: Link;
}

export interface SessionPair {
  readonly broker: SessionStream;
  readonly bridge: SessionStream;
  readonly side: BridgeSide;
  readonly first: Ends;
  /** What the watcher of the broker was told. */
  readonly events: string[];
  /** Attaches one more leg. */
  add(kind?: LinkKind): Promise<Ends & { readonly leg: Leg }>;
  /** Lets a new link lead to the bridge, and gives its other end. */
  link(kind?: LinkKind): Promise<Ends>;
}

export interface SessionPairOptions {
  readonly kind?: LinkKind;
  /** Default: one that stands still. */
  readonly clock?: Clock;
  /** Whether the inner handshake is over; default: it is. */
  readonly established?: boolean;
}

/** Gone with the test. */
export async function sessionPair({
  kind = 'memory',
  clock = new ManualClock(),
  established = true,
}: SessionPairOptions = {}): Promise<SessionPair> {
  const side = bridgeSide(clock);
  const link = async (of: LinkKind = kind): Promise<Ends> => {
    const { a, b, close } = await openPair(of);
    onTestFinished(close);
    side.sessions.accept(b);
    return { broker: a, bridge: b };
  };
  const begun = side.begun();
  const first = await link();
  const events: string[] = [];
  const broker = brokerStream(first.broker, clock, events);
  const bridge = await begun;
  let legs = 1;
  const add = async (of?: LinkKind): Promise<Ends & { readonly leg: Leg }> => {
    const ends = await link(of);
    legs += 1;
    const id = legs;
    const options = { id, link: ends.broker, path: [], clock, signal: NO_SIGNAL, random: systemRandom };
    return { ...ends, leg: await attachLeg(broker, options) };
  };
  onTestFinished(() => {
    side.sessions.close();
    broker.destroy();
    bridge.destroy();
  });
  if (established) for (const stream of [broker, bridge]) stream.establish(KEY);
  return { broker, bridge, side, first, events, add, link };
}
