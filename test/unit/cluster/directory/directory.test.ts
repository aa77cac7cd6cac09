/** One directory, fed by hand: what it takes and what it tells its shell. Bad input has a file of its own. */
import { describe, expect, it } from 'vitest';
import {
  CLUSTER_MEMBERS,
  INCARNATION_WAIT_MS,
  NODE_LEASE_MS,
  NODE_UNREACHED_MS,
  SUPPRESS_MS,
} from '../../../../src/base/limits.ts';
import { decodeHeartbeat, decodePull } from '../../../../src/cluster/directory/codec.ts';
import type { Effect } from '../../../../src/cluster/directory/effects.ts';
import {
  kinds,
  knowing,
  newDirectory,
  news,
  nodesFor,
  pass,
  refused,
  WALL,
} from '../../../support/directory-fixture.ts';
import { advert, beat, hash, instance, page } from '../../../support/directory-messages.ts';

describe('looking up', () => {
  it('names holders with all that a choice needs', () => {
    const directory = knowing({ 1: [1, 2] });
    expect(directory.holders(hash(1), 10)).toEqual([
      {
        node: 'b',
        incarnation: 7,
        zone: 'west',
        load: 3,
        forward: 'b.example:7443',
        instances: [instance(1), instance(2)],
      },
    ]);
    expect(directory.holders(hash(2), 10)).toEqual([]);
  });

  it('never names this node, nor one that drains', () => {
    const directory = knowing({ 1: [1] });
    directory.parked(hash(2), instance(1), 10);
    expect(nodesFor(directory, 2, 10)).toEqual([]);
    directory.onHeartbeat('b', beat(7, 5, { 1: [1] }, { draining: true }), 10);
    expect(nodesFor(directory, 1, 10)).toEqual([]);
  });

  it('leaves a holder out that has said notHere, until it says more or 500 ms are over', () => {
    const directory = knowing({ 1: [1], 2: [1] });
    directory.suppress('b', hash(1), 6, 1_000);
    expect([nodesFor(directory, 1, 1_000), nodesFor(directory, 2, 1_000)]).toEqual([[], ['b']]);
    expect(directory.nextDeadline()).toBeLessThanOrEqual(1_000 + SUPPRESS_MS);
    expect(nodesFor(directory, 1, 1_000 + SUPPRESS_MS)).toEqual(['b']);
    directory.onGossip('b', advert(5, 6, { 3: [1] }), 1_100);
    expect(nodesFor(directory, 1, 1_100)).toEqual([]);
    directory.onGossip('b', advert(6, 8, { 1: [1] }), 1_200);
    expect(nodesFor(directory, 1, 1_200)).toEqual(['b']);
  });

  it('does not leave a holder out for what it said before its advert', () => {
    const directory = knowing({ 1: [1] });
    directory.suppress('b', hash(1), 4, 1_000);
    directory.suppress('nobody', hash(1), 4, 1_000);
    expect(nodesFor(directory, 1, 1_000)).toEqual(['b']);
  });
});

describe('watching', () => {
  it('tells of watched info_hashes only, and again when the holder says so again', () => {
    const directory = knowing({});
    directory.watch(hash(1));
    const appeared = { do: 'appeared', infoHash: hash(1), node: 'b' };
    expect(directory.onGossip('b', advert(5, 7, { 1: [1], 2: [1] }), 500)).toEqual([appeared]);
    expect(directory.onGossip('b', advert(7, 8, { 1: [1] }), 500)).toEqual([appeared]);
    expect(directory.onGossip('b', advert(8, 9, { 1: [] }), 500)).toEqual([{ ...appeared, do: 'vanished' }]);
    directory.unwatch(hash(1));
    expect(directory.onGossip('b', advert(9, 10, { 1: [1] }), 500)).toEqual([]);
  });

  it('tells when a holder that has said notHere is offered again', () => {
    const directory = knowing({ 1: [1], 2: [1] });
    for (const at of [1, 2]) directory.watch(hash(at));
    for (const at of [1, 2, 3]) directory.suppress('b', hash(at), 6, 400);
    expect(news(directory.onGossip('b', advert(5, 6, { 1: [1] }), 500))).toEqual([]);
    expect(news(pass(directory, 399 + SUPPRESS_MS))).toEqual([]);
    const effects = news(pass(directory, 400 + SUPPRESS_MS));
    expect(effects).toEqual([1, 2].map((at) => ({ do: 'appeared', infoHash: hash(at), node: 'b' })));
    expect(news(pass(directory, 401 + SUPPRESS_MS))).toEqual([]);
  });

  it('tells what goes with a node', () => {
    const directory = knowing({ 1: [1], 2: [1] });
    directory.watch(hash(1));
    directory.onDisconnected('b', 1_000);
    expect(pass(directory, 1_000 + NODE_UNREACHED_MS)).toContainEqual({
      do: 'vanished',
      infoHash: hash(1),
      node: 'b',
    });
  });
});

describe('a node', () => {
  it('is up with the first heartbeat on a connection of our own, and is asked for all it holds', () => {
    const directory = newDirectory();
    expect(directory.onHeartbeat('b', beat(6, 5, {}), 0)).toEqual([]);
    expect(directory.onGossip('b', advert(0, 1, { 1: [1] }), 0)).toEqual([]);
    expect(directory.onConnected('b', 0)).toEqual([]);
    expect(directory.onGossip('b', advert(0, 1, { 1: [1] }), 0)).toEqual([]);
    expect(directory.snapshot(0)).toMatchObject({ unheard: ['b'], entries: 0 });
    const effects = directory.onHeartbeat('b', beat(6, 5, {}), 0);
    expect(effects[0]).toEqual({ do: 'memberUp', node: 'b', incarnation: 7 });
    const pull = effects.find((effect) => effect.do === 'pull');
    expect(pull).toMatchObject({ from: 'b' });
    expect(pull && decodePull(pull.request)).toEqual({ node: 'a', of: 7, after: 0, begun: 0 });
  });

  it('is asked page by page', () => {
    const directory = newDirectory();
    directory.onConnected('b', 0);
    directory.onHeartbeat('b', beat(6, 5, { 1: [1], 2: [2] }), 0);
    const effects = directory.onPullPage('b', page(0, 3, { 1: [1] }, { changed: 5 }), 0);
    expect(kinds(effects)).toEqual(['pull']);
    const [next] = effects;
    expect(next?.do === 'pull' && decodePull(next.request)).toEqual({ node: 'a', of: 7, after: 3, begun: 5 });
    expect(directory.onPullPage('b', page(3, 5, { 2: [2] }), 0)).toEqual([]);
    expect(directory.snapshot(0).members).toMatchObject([{ complete: true, entries: 2 }]);
  });

  it('is dropped with all it held after 3 s without its own heartbeat, whatever else comes', () => {
    const directory = knowing({ 1: [1] });
    for (let now = 100; now < NODE_LEASE_MS; now += 100) {
      directory.onGossip('b', advert(5 + now, 6 + now, {}, { after: 5 }), now);
      pass(directory, now);
    }
    expect(nodesFor(directory, 1, NODE_LEASE_MS - 1)).toEqual(['b']);
    const effects = pass(directory, NODE_LEASE_MS);
    expect(effects).toContainEqual({ do: 'memberDown', node: 'b', incarnation: 7, reason: 'silent' });
    expect(nodesFor(directory, 1, NODE_LEASE_MS)).toEqual([]);
    expect(directory.snapshot(NODE_LEASE_MS)).toMatchObject({ entries: 0, unheard: ['b'], remembered: 1 });
  });

  it('is not dropped for what we could not hear while we stood still, up to a second lease', () => {
    const directory = knowing({ 1: [1] });
    pass(directory, 1_000);
    expect(kinds(directory.tick(NODE_LEASE_MS + 1_500))).not.toContain('memberDown');
    expect(nodesFor(directory, 1, NODE_LEASE_MS + 1_500)).toEqual(['b']);
    expect(kinds(directory.tick(20_000))).toContain('memberDown');
  });

  it('is dropped after 500 ms without a connection, and its heartbeats do not count meanwhile', () => {
    const directory = knowing({ 1: [1] });
    directory.onDisconnected('b', 1_000);
    expect(directory.nextDeadline()).toBeLessThanOrEqual(1_000 + NODE_UNREACHED_MS);
    expect(directory.onHeartbeat('b', beat(7, 5, { 1: [1] }), 1_100)).toEqual([]);
    expect(kinds(pass(directory, 999 + NODE_UNREACHED_MS))).not.toContain('memberDown');
    expect(pass(directory, 1_000 + NODE_UNREACHED_MS)).toContainEqual(
      expect.objectContaining({ do: 'memberDown', reason: 'disconnected' }),
    );
    expect(directory.snapshot(2_000)).toMatchObject({ members: [], unheard: [] });
  });

  it('stays where another connection takes over in time', () => {
    const directory = knowing({ 1: [1] });
    directory.onDisconnected('b', 1_000);
    directory.onConnected('b', 1_400);
    pass(directory, 1_600);
    expect(nodesFor(directory, 1, 1_600)).toEqual(['b']);
  });

  it('that was dropped comes back by a newer word only, and is asked for everything', () => {
    const directory = knowing({ 1: [1] });
    directory.onGossip('b', advert(5, 9, { 2: [1] }), 100);
    pass(directory, NODE_LEASE_MS);
    const now = 5_000;
    expect(directory.onGossip('b', advert(0, 20, { 1: [1] }), now)).toEqual([]);
    expect(kinds(directory.onHeartbeat('b', beat(6, 5, { 1: [1] }), now))).toEqual(['refused']);
    expect(kinds(directory.onHeartbeat('b', beat(9, 5, { 1: [1] }), now))).toEqual(['refused']);
    expect(kinds(directory.onHeartbeat('b', beat(99, 5, {}, { incarnation: 6 }), now))).toEqual(['refused']);
    expect([refused(directory, 'oldSequence'), refused(directory, 'oldIncarnation')]).toEqual([2, 1]);
    expect(kinds(directory.onHeartbeat('b', beat(10, 9, { 1: [1] }), now))).toEqual(['memberUp', 'pull']);
    expect(nodesFor(directory, 1, now)).toEqual([]);
  });

  it('that started anew holds nothing of what it held before', () => {
    const directory = knowing({ 1: [1] });
    const effects = directory.onHeartbeat('b', beat(1, 0, {}, { incarnation: 8 }), 500);
    expect(effects).toEqual([
      { do: 'memberDown', node: 'b', incarnation: 7, reason: 'restarted' },
      { do: 'memberUp', node: 'b', incarnation: 8 },
    ]);
    expect(nodesFor(directory, 1, 500)).toEqual([]);
    expect(kinds(directory.onHeartbeat('b', beat(100, 50, {}), 600))).toEqual(['refused']);
    expect(kinds(directory.onGossip('b', advert(0, 60, { 1: [1] }), 600))).toEqual(['refused']);
    expect([refused(directory, 'oldIncarnation'), nodesFor(directory, 1, 600)]).toEqual([2, []]);
  });

  it('past the limit of a cluster is refused', () => {
    const directory = newDirectory();
    for (let at = 0; at < CLUSTER_MEMBERS; at += 1) expect(directory.onConnected(`n${at}`, 0)).toEqual([]);
    expect(kinds(directory.onConnected('one more', 0))).toEqual(['refused']);
    expect([refused(directory, 'tooManyNodes'), directory.onConnected('n0', 1)]).toEqual([1, []]);
    directory.onDisconnected('n1', 1);
    expect(directory.onConnected('one more', 2)).toEqual([]);
  });
});

describe('the own word', () => {
  it('is given to each connection at once, and each second after', () => {
    const directory = newDirectory();
    directory.parked(hash(1), instance(1), 0);
    expect(directory.onConnected('b', 100)).toEqual([]);
    expect(directory.nextDeadline()).toBeLessThanOrEqual(100 + INCARNATION_WAIT_MS);
    const first = pass(directory, 100 + INCARNATION_WAIT_MS);
    expect(first[0]).toEqual({ do: 'chosen', incarnation: WALL });
    expect(kinds(first)).toEqual(['chosen', 'heartbeat']);
    expect(directory.onConnected('c', 600)).toMatchObject([{ do: 'heartbeat', to: 'c' }]);
    expect(pass(directory, 1_100 + INCARNATION_WAIT_MS)).toMatchObject([
      { do: 'heartbeat', to: 'b' },
      { do: 'heartbeat', to: 'c' },
    ]);
  });

  it('on what changed goes out before the heartbeat that counts it', () => {
    const directory = knowing({});
    directory.parked(hash(1), instance(1), 1_000);
    const effects = directory.onConnected('c', 1_001);
    expect(kinds(effects)).toEqual(['gossip', 'heartbeat']);
    expect(kinds(pass(directory, 1_020))).toEqual([]);
    directory.parked(hash(2), instance(1), 1_050);
    expect(kinds(pass(directory, 1_069))).toEqual([]);
    expect(kinds(pass(directory, 1_070))).toEqual(['gossip']);
  });

  it('that it drains is told at once', () => {
    const directory = knowing({});
    const [effect] = directory.setDraining(500);
    expect(effect?.do === 'heartbeat' && decodeHeartbeat(effect.bytes).draining).toBe(true);
  });

  it('hears once of a node that drains, and sends nobody there', () => {
    const directory = knowing({ 1: [1] });
    expect(nodesFor(directory, 1, 1_000)).toEqual(['b']);
    const first = directory.onHeartbeat('b', beat(7, 5, { 1: [1] }, { draining: true }), 1_000);
    expect(first.filter((effect) => effect.do === 'draining')).toEqual([{ do: 'draining', node: 'b' }]);
    expect([directory.draining(), nodesFor(directory, 1, 1_000)]).toEqual([['b'], []]);
    expect(kinds(directory.onHeartbeat('b', beat(8, 5, { 1: [1] }, { draining: true }), 2_000))).toEqual([]);
  });

  it('takes a newer process of its name for one that serves, and forgets one that is gone', () => {
    const directory = knowing({});
    directory.onHeartbeat('b', beat(7, 5, {}, { draining: true }), 1_000);
    directory.onHeartbeat('b', beat(1, 0, {}, { incarnation: 8 }), 1_500);
    expect(directory.draining()).toEqual([]);
    const again = directory.onHeartbeat('b', beat(2, 0, {}, { incarnation: 8, draining: true }), 2_000);
    expect(kinds(again)).toContain('draining');
    pass(directory, 2_000 + NODE_LEASE_MS);
    expect(directory.draining()).toEqual([]);
  });

  it('tells a member what we know of it', () => {
    const directory = knowing({});
    const you = (effects: readonly Effect[]): unknown => {
      const told = effects.find((effect) => effect.do === 'heartbeat');
      return told && decodeHeartbeat(told.bytes).you;
    };
    expect(you(directory.setDraining(1_500))).toEqual({ incarnation: 7, heardMs: 1_500 });
    pass(directory, NODE_LEASE_MS);
    expect(you(directory.setDraining(10_000))).toEqual({ incarnation: 7, heardMs: 10_000 });
    expect(you(directory.onConnected('c', 10_000))).toBeUndefined();
  });

  it('gives way to a newer process of our name, heard of by gossip or from a member', () => {
    const gossip = knowing({});
    expect(gossip.onGossip('a', advert(0, 1, {}, { node: 'a', incarnation: WALL }), 60_000)).toEqual([]);
    expect(gossip.onGossip('a', advert(0, 1, {}, { node: 'a', incarnation: WALL + 1 }), 60_000)).toEqual([
      { do: 'superseded' },
    ]);
    const told = knowing({});
    const you = { incarnation: WALL + 1, heardMs: 10 };
    expect(kinds(told.onHeartbeat('b', beat(7, 5, {}, { you }), 60_000))).toContain('superseded');
    expect(kinds(told.onHeartbeat('b', beat(8, 5, {}, { you }), 60_000))).not.toContain('superseded');
  });

  it('is given again under a higher incarnation, where a member remembers one from before us', () => {
    const directory = knowing({});
    const you = { incarnation: WALL + 500, heardMs: 3_600_000 };
    const effects = directory.onHeartbeat('b', beat(7, 5, {}, { you }), 60_000);
    expect(effects[0]).toEqual({ do: 'chosen', incarnation: WALL + 501 });
    expect(effects.some((effect) => effect.do === 'heartbeat' && effect.to === 'b')).toBe(true);
  });

  it('does not speak to itself', () => {
    const directory = newDirectory();
    expect(directory.onConnected('a', 0)).toEqual([]);
    expect(directory.snapshot(0).unheard).toEqual([]);
  });
});
