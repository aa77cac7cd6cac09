/** What a broker is told, and what counts against it, while it waits for a slot: here, or in the line of a holder. */
import { describe, expect, it } from 'vitest';
import type { InfoHash } from '../../../src/base/info-hash.ts';
import {
  ACCEPT_TIMEOUT_MS,
  BROKER_WAIT_MS,
  HOLDER_TRIES,
  PING_INTERVAL_MS,
  PONG_TIMEOUT_MS,
  SEEK_PAUSE_MS,
} from '../../../src/base/limits.ts';
import type { Holder } from '../../../src/cluster/directory/effects.ts';
import type { Effect } from '../../../src/relay/effects.ts';
import { Matcher } from '../../../src/relay/matcher.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const HASH = 'aa'.repeat(32) as InfoHash;
const FAR: Holder = {
  node: 'far',
  incarnation: 1,
  zone: '',
  load: 0,
  forward: 'far:1',
  instances: ['b'],
};
const DAY_MS = 24 * 60 * 60 * 1_000;

function setUp({ slots = 1, holders = [] as readonly Holder[] } = {}) {
  const known = { holders };
  let pairs = 0;
  const matcher = new Matcher({
    node: 'here',
    zone: '',
    slots,
    brokerWaitMs: BROKER_WAIT_MS,
    acceptTimeoutMs: ACCEPT_TIMEOUT_MS,
    pingIntervalMs: PING_INTERVAL_MS,
    pongTimeoutMs: PONG_TIMEOUT_MS,
    holderTries: HOLDER_TRIES,
    seekPauseMs: SEEK_PAUSE_MS,
    holders: () => known.holders,
    newPairId: () => {
      pairs += 1;
      return `pair-${pairs}`;
    },
    random: seededRandom(1),
  });
  const park = (connection: number, now = 0): Effect[] =>
    matcher.park({ connection, infoHash: HASH, instance: 'b' }, now);
  const connect = (connection: number, now = 0, wanted?: string): Effect[] =>
    matcher.connect({ connection, infoHash: HASH, wanted, except: [], avoid: [] }, now);
  /** All that happens until then, each deadline at its time. */
  const until = (end: number): Effect[] => {
    const effects: Effect[] = [];
    for (let at = matcher.nextDeadline(); at !== undefined && at <= end; at = matcher.nextDeadline())
      effects.push(...matcher.tick(at));
    return effects;
  };
  /** Takes every slot, by pairings here. */
  const takeAll = (): void => {
    for (let count = 0; count < slots; count += 1) {
      const bridge = 1_000 + count;
      park(bridge);
      const offer = connect(2_000 + count).find((effect) => effect.do === 'offer');
      matcher.accept(bridge, offer?.do === 'offer' ? offer.pairId : '');
    }
    expect(matcher.slots).toMatchObject({ used: slots, waiting: 0 });
  };
  return { matcher, park, connect, until, takeAll, known };
}

const waiting = (broker: number): Effect => ({ do: 'waiting', broker });
const kinds = (effects: readonly Effect[]): Set<Effect['do']> => new Set(effects.map((effect) => effect.do));

describe('a broker past the last slot', () => {
  it('is told to wait, while the 1,000th is served at once, and is served in the call that frees a slot', () => {
    const { matcher, park, connect, takeAll } = setUp({ slots: 1_000 });
    takeAll();
    park(1);
    matcher.spliceEnded(0);
    expect(kinds(connect(10))).toEqual(new Set(['unparked', 'offer']));
    expect(matcher.slots).toMatchObject({ used: 1_000, waiting: 0 });
    park(2);
    expect(connect(11)).toEqual([waiting(11)]);
    expect(matcher.slots).toMatchObject({ used: 1_000, waiting: 1 });
    expect(kinds(matcher.left(10, 0))).toEqual(new Set(['drop', 'unparked', 'offer']));
    expect(matcher.slots).toMatchObject({ used: 1_000, waiting: 0 });
  });

  it('waits for a day, is told nothing but pings, and is refused nothing', () => {
    const { matcher, park, connect, until, takeAll } = setUp();
    takeAll();
    park(1);
    connect(10);
    matcher.left(1, 0);
    // No bridge is left: that is found out, and counted, only when its turn has come.
    const day = until(DAY_MS);
    expect(kinds(day)).toEqual(new Set(['ping']));
    expect(day).toHaveLength(DAY_MS / PING_INTERVAL_MS);
    expect(matcher.spliceEnded(DAY_MS)).toContainEqual(waiting(10));
    expect(until(DAY_MS + BROKER_WAIT_MS - 1)).not.toContainEqual(expect.objectContaining({ do: 'refuse' }));
    expect(until(DAY_MS + BROKER_WAIT_MS)).toContainEqual({
      do: 'refuse',
      connection: 10,
      code: 'noBridge',
    });
  });

  it('does not keep bridges from parking', () => {
    const { matcher, park, connect, takeAll } = setUp();
    takeAll();
    park(1);
    connect(10);
    for (let bridge = 100; bridge < 150; bridge += 1)
      expect(kinds(park(bridge))).toEqual(new Set(['parked']));
    expect(matcher.parked).toBe(51);
  });

  it('goes after first legs when it is a further one, whenever it came', () => {
    const { matcher, park, connect, takeAll } = setUp();
    takeAll();
    for (const bridge of [1, 2, 3]) park(bridge);
    connect(10, 0, 'b');
    connect(11);
    connect(12);
    const order: number[] = [];
    for (let count = 0; count < 3; count += 1) {
      for (const effect of matcher.spliceEnded(0)) {
        if (effect.do !== 'offer') continue;
        for (const done of matcher.accept(effect.bridge, effect.pairId)) {
          if (done.do === 'pair') order.push(done.broker);
        }
      }
    }
    expect(order).toEqual([11, 12, 10]);
  });
});

describe('a broker in the line of a holder', () => {
  it('is told to wait as soon as the holder says so, and then only pinged', () => {
    const { matcher, connect, until } = setUp({ holders: [FAR] });
    expect(kinds(connect(10))).toEqual(new Set(['forward']));
    expect(matcher.forwardQueued(10, 0)).toEqual([waiting(10)]);
    expect(matcher.forwardQueued(10, 0)).toEqual([]);
    const hour = until(3_600_000);
    expect(kinds(hour)).toEqual(new Set(['ping']));
    expect(matcher.slots).toMatchObject({ used: 0, waiting: 0 });
  });

  it('is told to wait where the last slot here was taken meanwhile', () => {
    const { matcher, connect, until, takeAll } = setUp({ holders: [FAR] });
    connect(10);
    takeAll();
    expect(matcher.forwardReady(10, 0)).toEqual([{ do: 'answer', broker: 10, yes: false }]);
    expect(until(SEEK_PAUSE_MS)).toEqual([waiting(10)]);
    expect(matcher.slots).toMatchObject({ used: 1, waiting: 1 });
    expect(kinds(matcher.spliceEnded(SEEK_PAUSE_MS))).toEqual(new Set(['forward']));
  });
});

describe('noBridge', () => {
  it('counts no time in which a holder is known', () => {
    const { matcher, connect, until, known } = setUp();
    connect(10);
    expect(kinds(until(BROKER_WAIT_MS - 1_000))).toEqual(new Set());
    known.holders = [FAR];
    expect(kinds(matcher.appeared(HASH, BROKER_WAIT_MS - 1_000))).toEqual(new Set(['unwatch', 'forward']));
    matcher.forwardQueued(10, BROKER_WAIT_MS - 1_000);
    expect(kinds(until(60_000))).toEqual(new Set(['ping']));
    known.holders = [];
    expect(matcher.forwardFailed(10, true, 60_000)).toContainEqual(waiting(10));
    expect(kinds(until(60_000 + BROKER_WAIT_MS - 1))).not.toContain('refuse');
    expect(kinds(until(60_000 + BROKER_WAIT_MS))).toContain('refuse');
  });
});
