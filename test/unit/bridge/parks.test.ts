/** A bridge and several relays: where its parks stand, what it does when one dies, comes back, or drains. */
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  DRAINING_MEMORY_MS,
  DROPS_TOLD,
  PAIRING_WINDOW_MS,
  PARK_SPREAD_MS,
  PARKS_DEFAULT,
  RECONNECT_FIRST_MS,
} from '../../../src/base/limits.ts';
import { Parks } from '../../../src/bridge/parks.ts';
import { refusal } from '../../../src/wire/refusal.ts';
import { makePki } from '../../support/certificates.ts';
import { checkLeaks } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { PuppetCluster } from '../../support/puppet-cluster.ts';
import { PAIR_ID, quiet } from '../../support/puppet-relay.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { seededRandom } from '../../support/seeded-random.ts';

checkLeaks();

const MINUTE = 60_000;

interface SceneOptions {
  readonly nodes?: readonly string[];
  readonly balanced?: boolean;
  readonly least?: number;
  readonly seed?: number;
  readonly down?: readonly string[];
}

async function scene(options: SceneOptions = {}) {
  const { nodes = ['a', 'b', 'c'], balanced = false, least = PARKS_DEFAULT, seed = 1, down = [] } = options;
  const random = seededRandom(seed);
  const cluster = new PuppetCluster(nodes, random, { balanced });
  for (const node of down) cluster.down.add(node);
  const clock = new ManualClock();
  const { log, lines } = recordingLog();
  const parks = new Parks({
    dialer: cluster,
    infoHash: makePki().infoHash,
    instance: Buffer.alloc(16, 1),
    software: 'test/1',
    least,
    room: () => 1_000,
    clock,
    random,
    log,
    onDraining: () => {},
    onParked: () => {},
    onPaired: (link) => link.reset(),
  });
  onTestFinished(async () => {
    parks.stop();
    cluster.close();
    await quiet();
    expect(clock.pending).toBe(0);
  });
  parks.fill();
  await quiet();
  /** Lets time pass; the relays answer pings. */
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 1_000) {
      await clock.advanceAsync(Math.min(left, 1_000));
      await quiet();
      for (const { client } of cluster.clients) {
        const ping = client.frames.findLast(({ type }) => type === 'ping');
        if (!client.gone && ping?.type === 'ping') client.send({ type: 'pong', token: ping.token });
      }
      await quiet();
    }
  };
  return { cluster, parks, clock, pass, lines };
}

describe('the parks of a bridge', () => {
  it.each([1, 2, 3])('stand 2+1+1 on three nodes at once (seed %i)', async (seed) => {
    const { cluster, parks } = await scene({ seed });
    expect(cluster.dials).toBe(4);
    expect([...parks.byHost.values()].toSorted()).toEqual([1, 1, 2]);
  });

  it.each([1, 2, 3, 4])('come to 2+1+1 behind one address (seed %i)', async (seed) => {
    const { cluster, parks, pass } = await scene({ balanced: true, seed });
    await pass(2 * MINUTE);
    expect([...parks.byHost.values()].toSorted()).toEqual([1, 1, 2]);
    expect(cluster.dials).toBeLessThanOrEqual(40);
  });

  it('do without a node that is down, and go there when it is up', async () => {
    const { cluster, pass } = await scene({ down: ['b'] });
    await pass(10_000);
    expect(cluster.open).toMatch(/^aacc$/);
    cluster.down.clear();
    await pass(MINUTE);
    expect(cluster.open).toMatch(/^(aabc|abbc|abcc)$/);
  });

  it.each([1, 2, 3])(
    'come back on the others when a node dies, and return once it is back (seed %i)',
    async (seed) => {
      const { cluster, parks, pass } = await scene({ seed });
      cluster.kill('a');
      await pass(PARK_SPREAD_MS + 2_000);
      expect(cluster.open).toBe('bbcc');
      cluster.down.clear();
      await pass(MINUTE);
      expect([...parks.byHost.values()].toSorted()).toEqual([1, 1, 2]);
      expect(parks.byHost.has('a')).toBe(true);
    },
  );

  it('cost few dials while a node is down for long, by a list or by one address', async () => {
    for (const balanced of [false, true]) {
      const { cluster, pass } = await scene({ balanced });
      cluster.kill('a');
      await pass(MINUTE);
      const before = cluster.dials;
      await pass(10 * MINUTE);
      expect(cluster.dials - before).toBeLessThanOrEqual(10 * 10);
      expect(cluster.open).toHaveLength(4);
    }
  });

  it('of a dead relay do not delay those of others', async () => {
    const { cluster, parks } = await scene({ down: ['a'] });
    await quiet();
    expect(parks.parked).toBe(4);
    expect(cluster.open).not.toContain('a');
  });

  it('warn once of a relay that is down, though others work', async () => {
    const { lines, pass, cluster } = await scene({ down: ['a'] });
    await pass(MINUTE);
    expect(cluster.dials).toBeGreaterThan(6);
    expect(lines.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual(['no route']);
  });

  it('are made up for at once when brokers come, though a loss is being waited out', async () => {
    const { cluster, parks, clock } = await scene({ nodes: ['a', 'b'] });
    cluster.kill('a');
    await quiet();
    expect(parks.parked).toBe(2);
    cluster.at('b')[0]?.send({ type: 'offer', pairId: PAIR_ID });
    await quiet();
    // Two to keep at b, those that were lost, and one for the pairing.
    expect(parks.parked).toBe(5);
    expect(clock.now()).toBe(0);
  });

  it('get to a node that is back while brokers come, and are levelled afterwards', async () => {
    const { cluster, parks, pass } = await scene({ down: ['c'] });
    expect(cluster.open).toBe('aabb');
    cluster.down.clear();
    for (let left = PARK_SPREAD_MS + 2_000; left > 0; left -= 1_000) {
      cluster.at('a')[0]?.send({ type: 'offer', pairId: PAIR_ID });
      await pass(1_000);
    }
    expect(parks.byHost.get('c')).toBeGreaterThan(0);
    // Nothing else happens that would make it look again.
    cluster.kill('c');
    await pass(PAIRING_WINDOW_MS);
    cluster.down.clear();
    cluster.at('a')[0]?.send({ type: 'offer', pairId: PAIR_ID });
    await pass(PAIRING_WINDOW_MS + 20_000);
    const all = [...parks.byHost.values()];
    expect(all).toHaveLength(3);
    expect(Math.max(...all) - Math.min(...all)).toBeLessThan(2);
  });

  it.each([1, 2, 3, 4])(
    'come back at once when the last are lost while a loss is being waited out (seed %i)',
    async (seed) => {
      const { cluster, parks, clock } = await scene({ seed });
      cluster.kill('a');
      await quiet();
      expect(parks.parked).toBeGreaterThan(1);
      cluster.kill('b');
      cluster.kill('c');
      cluster.down.clear();
      await quiet();
      expect(parks.parked).toBe(0);
      await clock.advanceAsync(RECONNECT_FIRST_MS);
      await quiet();
      expect(parks.parked).toBe(PARKS_DEFAULT);
    },
  );

  it('leave a node that drains at once where there are more of them than needed', async () => {
    const { cluster, pass } = await scene({ nodes: ['a', 'b'] });
    for (let count = 0; count < 4; count += 1) cluster.at('b')[0]?.send({ type: 'offer', pairId: PAIR_ID });
    await pass(PAIRING_WINDOW_MS + 1_000);
    const [leaving] = cluster.at('a');
    expect(cluster.open.length).toBeGreaterThan(PARKS_DEFAULT);
    const before = cluster.dials;
    leaving?.send({ type: 'goaway', reconnectAfterMs: 0 });
    await pass(1_000);
    expect(leaving?.gone).toBe(true);
    expect(cluster.dials).toBe(before);
  });

  it('are rearranged when brokers have stopped to come, also those that are more than is needed', async () => {
    const { cluster, parks, pass } = await scene({ down: ['c'] });
    for (let count = 0; count < 12; count += 1) {
      cluster.at(count % 2 === 0 ? 'a' : 'b')[0]?.send({ type: 'offer', pairId: PAIR_ID });
      await quiet();
    }
    const parked = parks.parked;
    expect(parked).toBeGreaterThan(8);
    cluster.down.clear();
    await pass(PAIRING_WINDOW_MS + MINUTE);
    expect(parks.parked).toBe(parked);
    const load = [...parks.byHost.values()];
    expect(load).toHaveLength(3);
    expect(Math.max(...load) - Math.min(...load)).toBeLessThan(2);
  });

  it('that leave go at once where there are enough elsewhere', async () => {
    const { cluster, parks, clock, pass } = await scene({ nodes: ['a', 'b'] });
    for (let count = 0; count < 8; count += 1) {
      cluster.at(count % 2 === 0 ? 'a' : 'b')[0]?.send({ type: 'offer', pairId: PAIR_ID });
      await quiet();
    }
    await pass(PAIRING_WINDOW_MS + 1_000);
    const [before, leaving] = [cluster.dials, cluster.at('a')];
    expect(parks.parked - leaving.length).toBeGreaterThanOrEqual(PARKS_DEFAULT);
    for (const client of leaving) {
      client.send({ type: 'draining', node: 'a' });
      client.send({ type: 'goaway', reconnectAfterMs: 10 });
    }
    await quiet();
    await clock.advanceAsync(10);
    await quiet();
    expect(leaving.every(({ gone }) => gone)).toBe(true);
    expect(cluster.dials).toBe(before);
  });

  it('go to a node that drained a moment ago where nobody else answers: it may be back', async () => {
    const { cluster, pass } = await scene({ down: ['c'] });
    cluster.at('a')[0]?.send({ type: 'draining', node: 'b' });
    await pass(2_000);
    for (const client of cluster.at('a')) {
      client.send({ type: 'draining', node: 'a' });
      client.send({ type: 'goaway', reconnectAfterMs: 10 });
    }
    await pass(3_000);
    expect(cluster.open).toBe('bbbb');
  });

  it('go to a node that drained a moment ago where none is left: nobody else may answer for long', async () => {
    const { cluster, pass } = await scene({ nodes: ['a', 'b'] });
    cluster.at('a')[0]?.send({ type: 'draining', node: 'b' });
    await pass(1_000);
    cluster.kill('b');
    await pass(1_000);
    // The one is back, with nobody to say so; and the other is gone.
    cluster.down.clear();
    cluster.kill('a');
    await pass(3_000);
    expect(cluster.open).toBe('bbbb');
  });

  it('avoid a node that drains when they replace one that is asked to leave', async () => {
    const { cluster, parks, pass } = await scene();
    const leaving = cluster.at('a');
    for (const client of leaving) {
      client.send({ type: 'draining', node: 'a' });
      client.send({ type: 'goaway', reconnectAfterMs: 500 });
    }
    await pass(2_000);
    expect(leaving.every(({ gone }) => gone)).toBe(true);
    expect(cluster.open).toBe('bbcc');
    await pass(DRAINING_MEMORY_MS - 5_000);
    expect(cluster.open).toBe('bbcc');
    // It says no more, so it may be back.
    await pass(MINUTE);
    expect([...parks.byHost.values()].toSorted()).toEqual([1, 1, 2]);
  });
});

describe('parks that are made anew', () => {
  it('are so one after the other, each old one only once its successor is parked', async () => {
    const { cluster, parks } = await scene();
    const old = cluster.clients.map(({ client }) => client).filter(({ gone }) => !gone);
    expect(old).toHaveLength(4);
    // With the first successor on its way nothing is given up yet.
    cluster.fallSilent();
    parks.renew();
    await quiet();
    expect([parks.parked, cluster.dials]).toEqual([4, 5]);
    cluster.answerAll();
    await quiet();
    await quiet();
    expect(old.map(({ gone }) => gone)).toEqual([true, true, true, true]);
    expect([parks.parked, cluster.dials]).toEqual([4, 8]);
    expect([...parks.byHost.values()].toSorted()).toEqual([1, 1, 2]);
  });

  it('are so where there are more than needed: those too many end', async () => {
    const { cluster, parks, pass } = await scene({ nodes: ['a', 'b'] });
    for (let count = 0; count < 4; count += 1) cluster.at('b')[0]?.send({ type: 'offer', pairId: PAIR_ID });
    await pass(PAIRING_WINDOW_MS + 1_000);
    expect(parks.parked).toBeGreaterThan(PARKS_DEFAULT);
    const old = [...cluster.at('a'), ...cluster.at('b')];
    parks.renew();
    await pass(2_000);
    expect(old.every(({ gone }) => gone)).toBe(true);
    expect(parks.parked).toBe(PARKS_DEFAULT);
  });
});

describe('parks that keep ending', () => {
  const dropping = /^parked connections to this relay keep dropping/;

  it('are told of once, with the node, where the line ends them', async () => {
    const { cluster, lines, pass } = await scene();
    for (let time = 0; time < 2 * DROPS_TOLD; time += 1) {
      cluster.kill('a');
      cluster.down.clear();
      await pass(20_000);
    }
    const told = lines.filter(({ message }) => dropping.test(message));
    expect(told.map(({ level, fields }) => [level, fields])).toEqual([
      ['warn', { node: 'a', code: 'closed' }],
    ]);
  });

  it('are no news of this kind where a relay refuses them', async () => {
    const { cluster, lines, pass } = await scene();
    for (let time = 0; time < 2 * DROPS_TOLD; time += 1) {
      for (const { client } of cluster.clients.filter((each) => !each.client.gone))
        client.send(refusal('draining'));
      await pass(20_000);
    }
    expect(lines.some(({ message }) => /draining/.test(message))).toBe(true);
    expect(lines.filter(({ message }) => dropping.test(message))).toEqual([]);
  });
});
