import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InfoHash } from '../../../src/base/info-hash.ts';
import type { ConnectRequest } from '../../../src/relay/broker.ts';
import { aboutClients, newMatcher, Referee, steps, TIMES } from '../../support/matcher-referee.ts';

const X = 'aa'.repeat(32) as InfoHash;
const Y = 'bb'.repeat(32) as InfoHash;

/** Connections below 100 are bridges, those from 100 up are brokers. */
function setUp() {
  const matcher = newMatcher();
  const clock = { now: 0 };
  return {
    matcher,
    park: (connection: number, instance = 'a', infoHash = X) =>
      aboutClients(matcher.park({ connection, infoHash, instance }, clock.now)),
    connect: (connection: number, more: Partial<ConnectRequest> = {}) =>
      aboutClients(
        matcher.connect(
          { connection, infoHash: X, wanted: undefined, except: [], avoid: [], ...more },
          clock.now,
        ),
      ),
    accept: (bridge: number, pairId: string) => aboutClients(matcher.accept(bridge, pairId)),
    left: (connection: number) => aboutClients(matcher.left(connection, clock.now)),
    pong: (connection: number, token: number) => matcher.pong(connection, token, clock.now),
    /** Goes to that time and ticks once. */
    at: (now: number) => {
      clock.now = now;
      return aboutClients(matcher.tick(now));
    },
  };
}

const offer = (bridge: number, pairId: string) => ({ do: 'offer', bridge, pairId });
const waiting = (broker: number) => ({ do: 'waiting', broker });
const ping = (connection: number, token: number) => ({ do: 'ping', connection, token });
const drop = (connection: number, reason: string) => ({ do: 'drop', connection, reason });
const refuse = (connection: number, code: string) => ({ do: 'refuse', connection, code });
const pair = (broker: number, bridge: number, pairId: string, bridgeInstance = 'a') => ({
  do: 'pair',
  broker,
  bridge,
  pairId,
  bridgeInstance,
});

describe('whoever comes first waits', () => {
  it('a bridge parks, then a broker connects', () => {
    const { matcher, park, connect, accept } = setUp();
    expect(park(1)).toEqual([]);
    expect(matcher.parked).toBe(1);
    expect(connect(100)).toEqual([offer(1, 'pair-1')]);
    expect([matcher.parked, matcher.waiting]).toEqual([0, 1]);
    expect(accept(1, 'pair-1')).toEqual([pair(100, 1, 'pair-1')]);
    expect([matcher.parked, matcher.waiting, matcher.nextDeadline()]).toEqual([0, 0, undefined]);
  });

  it('a broker connects, then a bridge parks', () => {
    const { matcher, park, connect, accept } = setUp();
    expect(connect(100)).toEqual([waiting(100)]);
    expect(park(1)).toEqual([offer(1, 'pair-1')]);
    expect(accept(1, 'pair-1')).toEqual([pair(100, 1, 'pair-1')]);
    expect(matcher.nextDeadline()).toBeUndefined();
  });

  it('brokers are served in the order in which they came', () => {
    const { park, connect, accept } = setUp();
    for (const broker of [100, 101, 102]) connect(broker);
    park(1);
    park(2);
    expect(accept(2, 'pair-2')).toEqual([pair(101, 2, 'pair-2')]);
    expect(accept(1, 'pair-1')).toEqual([pair(100, 1, 'pair-1')]);
  });

  it('does not pair across info_hashes', () => {
    const { park, connect } = setUp();
    park(1, 'a', Y);
    expect(connect(100)).toEqual([waiting(100)]);
    expect(park(2, 'a', Y)).toEqual([]);
    expect(park(3, 'a', X)).toEqual([offer(3, 'pair-1')]);
  });

  it('gives every offer a pair id of its own', () => {
    const { park, connect } = setUp();
    park(1);
    park(2);
    expect([connect(100), connect(101)]).toEqual([[offer(2, 'pair-1')], [offer(1, 'pair-2')]]);
  });
});

describe('a broker for which no bridge is known', () => {
  it('is refused noBridge after 10 s, not before', () => {
    const { matcher, connect, at } = setUp();
    connect(100);
    expect(matcher.nextDeadline()).toBe(TIMES.brokerWaitMs);
    expect(at(9_999)).toEqual([]);
    expect(at(10_000)).toEqual([refuse(100, 'noBridge')]);
    expect([matcher.waiting, matcher.nextDeadline()]).toEqual([0, undefined]);
  });

  it('is not refused while it is offered a bridge', () => {
    const { connect, park, at, accept } = setUp();
    connect(100);
    at(9_000);
    park(1);
    expect(at(10_500)).toEqual([]);
    expect(accept(1, 'pair-1')).toEqual([pair(100, 1, 'pair-1')]);
  });

  it('waits another 10 s when the only bridge does not accept', () => {
    const { connect, park, at } = setUp();
    connect(100);
    at(9_000);
    park(1);
    expect(at(11_000)).toEqual([drop(1, 'noAccept'), waiting(100)]);
    expect(at(20_999)).toEqual([ping(100, 1)]);
    expect(at(21_000)).toEqual([refuse(100, 'noBridge')]);
  });

  it('may leave while it waits', () => {
    const { matcher, connect, park, left } = setUp();
    connect(100);
    expect(left(100)).toEqual([]);
    expect([matcher.waiting, matcher.nextDeadline()]).toEqual([0, undefined]);
    expect(park(1)).toEqual([]);
  });
});

describe('instances under one info_hash', () => {
  it('share the load, newest park first', () => {
    const { park, connect } = setUp();
    park(1, 'a');
    park(2, 'a');
    park(3, 'b');
    park(4, 'b');
    const offered = [100, 101, 102, 103].flatMap((broker) => connect(broker));
    expect(offered).toEqual([offer(2, 'pair-1'), offer(4, 'pair-2'), offer(1, 'pair-3'), offer(3, 'pair-4')]);
  });

  it('are told apart in PAIRED', () => {
    const { park, connect, accept } = setUp();
    park(1, 'b');
    connect(100);
    expect(accept(1, 'pair-1')).toEqual([pair(100, 1, 'pair-1', 'b')]);
  });

  it.each([
    ['wanted', { wanted: 'b' }, 2],
    ['except', { except: ['a', 'c'] }, 2],
    ['neither', {}, 1],
  ])('are chosen by %s among parks', (_name, choice, bridge) => {
    const { park, connect } = setUp();
    park(1, 'a');
    park(2, 'b');
    park(3, 'c');
    expect(connect(100, choice)).toEqual([offer(bridge, 'pair-1')]);
  });

  it.each([
    ['wanted', { wanted: 'b' }],
    ['except', { except: ['a', 'c'] }],
  ])('are chosen by %s among those that park later', (_name, choice) => {
    const { matcher, park, connect } = setUp();
    park(1, 'a');
    expect(connect(100, choice)).toEqual([waiting(100)]);
    expect(park(3, 'c')).toEqual([]);
    expect(park(2, 'b')).toEqual([offer(2, 'pair-1')]);
    expect(matcher.parked).toBe(2);
  });

  it('go to a later broker where the earlier ones do not take them', () => {
    const { park, connect, accept } = setUp();
    connect(100, { wanted: 'b' });
    connect(101, { except: ['a'] });
    connect(102);
    expect(park(1, 'a')).toEqual([offer(1, 'pair-1')]);
    expect(accept(1, 'pair-1')).toEqual([pair(102, 1, 'pair-1')]);
  });
});

describe('avoid', () => {
  it('with this node in it is refused at once, even beside a park', () => {
    const { matcher, park, connect } = setUp();
    park(1);
    expect(connect(100, { avoid: ['there', 'here'] })).toEqual([refuse(100, 'avoided')]);
    expect([matcher.parked, matcher.waiting]).toEqual([1, 0]);
  });

  it('with other nodes in it changes nothing', () => {
    const { park, connect } = setUp();
    park(1);
    expect(connect(100, { avoid: ['there', 'HERE'] })).toEqual([offer(1, 'pair-1')]);
  });
});

describe('an offer', () => {
  it('is dropped after 2 s without ACCEPT, and the next park is offered', () => {
    const { matcher, park, connect, at, accept } = setUp();
    park(1);
    park(2);
    connect(100);
    expect(matcher.nextDeadline()).toBe(TIMES.acceptTimeoutMs);
    expect(at(1_999)).toEqual([]);
    expect(at(2_000)).toEqual([drop(2, 'noAccept'), offer(1, 'pair-2')]);
    expect(accept(2, 'pair-1')).toEqual([drop(2, 'pairMismatch')]);
    expect(accept(1, 'pair-2')).toEqual([pair(100, 1, 'pair-2')]);
  });

  it('goes to the next park at once when the bridge leaves', () => {
    const { park, connect, left } = setUp();
    park(1);
    park(2);
    connect(100);
    expect(left(2)).toEqual([offer(1, 'pair-2')]);
    expect(left(1)).toEqual([waiting(100)]);
  });

  it('costs a bridge its connection when the pair id is another', () => {
    const { park, connect, accept, left } = setUp();
    park(1);
    connect(100);
    expect(accept(1, 'pair-9')).toEqual([drop(1, 'pairMismatch')]);
    expect(left(1)).toEqual([waiting(100)]);
  });

  it('costs the park its connection when the broker leaves', () => {
    const { matcher, park, connect, left } = setUp();
    park(1);
    connect(100);
    expect(left(100)).toEqual([drop(1, 'brokerLeft')]);
    expect(left(1)).toEqual([]);
    expect([matcher.parked, matcher.waiting, matcher.nextDeadline()]).toEqual([0, 0, undefined]);
  });

  it('that failed leaves its broker its place in line', () => {
    const { park, connect, at, accept } = setUp();
    park(1);
    connect(100);
    at(1_000);
    expect(connect(101)).toEqual([waiting(101)]);
    expect(at(2_000)).toEqual([drop(1, 'noAccept'), waiting(100)]);
    park(2);
    expect(accept(2, 'pair-2')).toEqual([pair(100, 2, 'pair-2')]);
  });

  it('that failed does not let its broker pass those who came earlier', () => {
    const { park, connect, at, accept } = setUp();
    park(1);
    park(2);
    connect(100);
    connect(101);
    at(2_000);
    park(3);
    park(4);
    expect(accept(3, 'pair-3')).toEqual([pair(100, 3, 'pair-3')]);
    expect(accept(4, 'pair-4')).toEqual([pair(101, 4, 'pair-4')]);
  });
});

describe('pings', () => {
  it('go to a park every 15 s, counted from its answer', () => {
    const { matcher, park, at, pong } = setUp();
    park(1);
    expect(at(14_999)).toEqual([]);
    expect(at(15_000)).toEqual([ping(1, 1)]);
    at(16_000);
    pong(1, 1);
    expect(matcher.nextDeadline()).toBe(31_000);
    expect(at(31_000)).toEqual([ping(1, 2)]);
  });

  it('that are not answered within 5 s cost the park its place at once', () => {
    const { matcher, park, at, connect } = setUp();
    park(1);
    at(15_000);
    expect(at(19_999)).toEqual([]);
    expect(at(20_000)).toEqual([drop(1, 'noPong')]);
    expect(matcher.parked).toBe(0);
    expect(connect(100)).toEqual([waiting(100)]);
  });

  it.each([
    ['another token', 1, 7],
    ['another connection', 2, 1],
  ])('are not answered by %s', (_name, connection, token) => {
    const { park, at, pong } = setUp();
    park(1);
    at(15_000);
    pong(connection, token);
    expect(at(20_000)).toEqual([drop(1, 'noPong')]);
  });

  it('get no second answer, and none before they are sent', () => {
    const { matcher, park, at, pong } = setUp();
    park(1);
    pong(1, 1);
    pong(1, 0);
    expect(matcher.nextDeadline()).toBe(15_000);
    at(15_000);
    pong(1, 1);
    at(16_000);
    pong(1, 1);
    expect(matcher.nextDeadline()).toBe(30_000);
  });

  it('end with an offer: a bridge that answers late, or not, is not dropped for it', () => {
    const { park, at, connect, pong, accept } = setUp();
    park(1);
    at(15_000);
    at(19_000);
    connect(100);
    expect(at(20_000)).toEqual([]);
    pong(1, 1);
    expect(accept(1, 'pair-1')).toEqual([pair(100, 1, 'pair-1')]);
  });

  it('go to a broker that waits, and need no answer', () => {
    const { park, connect, at, matcher } = setUp();
    connect(100);
    at(9_000);
    park(1);
    at(11_000);
    expect(at(15_000)).toEqual([ping(100, 1)]);
    expect(at(20_000)).toEqual([]);
    expect(matcher.waiting).toBe(1);
  });
});

describe('parks that left', () => {
  it('are not offered', () => {
    const { matcher, park, left, connect } = setUp();
    park(1);
    expect(left(1)).toEqual([]);
    expect([matcher.parked, matcher.nextDeadline()]).toEqual([0, undefined]);
    expect(connect(100)).toEqual([waiting(100)]);
  });

  it('may have been unknown', () => {
    const { left, accept } = setUp();
    expect(left(7)).toEqual([]);
    expect(accept(7, 'pair-1')).toEqual([drop(7, 'pairMismatch')]);
  });
});

describe('a late tick', () => {
  it('pings before it drops: a stall of ours is not the fault of a park', () => {
    const { matcher, park, at } = setUp();
    park(1);
    expect(at(60_000)).toEqual([ping(1, 1)]);
    expect(matcher.nextDeadline()).toBe(65_000);
  });
});

it('keeps every rule in random sequences, and answers alike to the same inputs', () => {
  fc.assert(
    fc.property(steps, (list) => new Referee().play(list)),
    { seed: 20_260_102, numRuns: 1_500 },
  );
});
