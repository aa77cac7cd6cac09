/** Tunnels of one broker to several bridges: how they are found, where streams go, and what happens when one leaves. */
import assert from 'node:assert/strict';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { BeaconError } from '../../../src/base/errors.ts';
import {
  BROKER_STREAMS,
  BROKER_TUNNELS,
  FIND_BRIDGES_MS,
  FIND_NEXT_MS,
  RECONNECT_FIRST_MS,
  RECONNECT_HEALTHY_MS,
  RECONNECT_MAX_MS,
} from '../../../src/base/limits.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { quiet } from '../../support/puppet-relay.ts';
import {
  bridgeNumber,
  type RenewalScene,
  renewalScene,
  type SceneStream,
} from '../../support/renewal-scene.ts';
import { identityUntil } from '../../support/short-lived.ts';
import { watch } from '../../support/streams.ts';
import { identityOf, TARGET } from '../../support/tunnels.ts';

checkLeaks();

/** A jittered wait under this ceiling: the scene draws the middle. */
const drawn = (ceilingMs: number): number => ceilingMs / 2;
/** The wait after what does not get better by asking often. */
const HOPELESS_MS = RECONNECT_MAX_MS / 2 + drawn(RECONNECT_FIRST_MS) / 2;

function bridges(count: number): Buffer[] {
  return Array.from({ length: count }, (_, number) => bridgeNumber(number));
}

/** A scene in which a tunnel to each of `count` bridges is up. */
async function connected(count: number): Promise<RenewalScene> {
  const scene = await renewalScene({ present: bridges(count) });
  for (let found = 1; found < count; found += 1) await pass(scene, FIND_NEXT_MS);
  expect(instances(scene)).toEqual(bridges(count).map((each) => each.toString('hex')));
  return scene;
}

async function pass(scene: RenewalScene, ms: number): Promise<void> {
  await scene.clock.advanceAsync(ms);
  await quiet();
}

function instances({ tunnels }: RenewalScene): string[] {
  return tunnels.all.map(({ instance }) => instance);
}

/** Opens `count` streams, one after the other; the numbers of the tunnels they are in. */
async function streams(scene: RenewalScene, count: number): Promise<SceneStream[]> {
  const opened: SceneStream[] = [];
  for (let number = 0; number < count; number += 1) opened.push(await scene.stream());
  return opened;
}

/** Ends a stream at both ends; resolves when the broker counts it no more. */
async function finish({ tunnels }: RenewalScene, { broker, bridge }: SceneStream): Promise<void> {
  const count = (): number => tunnels.all.reduce((sum, { tunnel }) => sum + tunnel.streams, 0);
  const before = count();
  const seen = watch(broker.stream);
  bridge.stream.resume();
  bridge.stream.end();
  broker.stream.end();
  await seen.closed;
  expect(seen.events).toEqual(['end', 'close']);
  expect(await settled(() => count() < before)).toBe(true);
}

describe('the search for bridges', () => {
  it(`finds each of ${BROKER_TUNNELS} with what it has left out, one every ${FIND_NEXT_MS} ms, and not one more`, async () => {
    const all = bridges(BROKER_TUNNELS + 1);
    const scene = await renewalScene({ present: all });
    for (let found = 1; found < BROKER_TUNNELS; found += 1) {
      await pass(scene, FIND_NEXT_MS - 1);
      expect(scene.wishes).toHaveLength(found);
      await pass(scene, 1);
      expect(scene.wishes.at(-1)?.except).toEqual(all.slice(0, found));
      expect(instances(scene)).toHaveLength(found + 1);
    }
    expect(new Set(instances(scene)).size).toBe(BROKER_TUNNELS);
    await pass(scene, 2 * FIND_BRIDGES_MS);
    expect(scene.wishes).toHaveLength(BROKER_TUNNELS);
    // One of them is gone, and there is a place for the last.
    scene.present = all.slice(1);
    await scene.bridges[0]?.close();
    await pass(scene, FIND_BRIDGES_MS);
    expect(instances(scene)).toHaveLength(BROKER_TUNNELS);
    expect(instances(scene)).toContain(bridgeNumber(BROKER_TUNNELS).toString('hex'));
    expect(scene.warnings()).toEqual([]);
  });

  it(`is less and less frequent while there is no other, down to every ${FIND_BRIDGES_MS} ms`, async () => {
    const scene = await renewalScene();
    const expected = [0];
    for (let pause = FIND_NEXT_MS; expected.length < 9; pause = Math.min(2 * pause, FIND_BRIDGES_MS))
      expected.push((expected.at(-1) ?? 0) + pause);
    await pass(scene, (expected.at(-1) ?? 0) + FIND_BRIDGES_MS - 1);
    expect(scene.wishes.map(({ now }) => now)).toEqual(expected);
    expect(scene.wishes.at(-1)?.except).toEqual([bridgeNumber(0)]);
    // What is no fault is no news.
    expect(scene.warnings()).toEqual([]);
    scene.present = bridges(2);
    await pass(scene, 1);
    expect(instances(scene)).toHaveLength(2);
    // And a third may be near.
    await pass(scene, FIND_NEXT_MS);
    expect(scene.wishes).toHaveLength(expected.length + 2);
  });

  it('waits by the backoff while there is none at all, and says so once', async () => {
    const scene = await renewalScene({ present: [] });
    expect(scene.wishes).toHaveLength(1);
    await pass(scene, 3 * FIND_BRIDGES_MS);
    const times = scene.wishes.map(({ now }) => now);
    const waits = times.slice(1).map((now, number) => now - (times[number] ?? 0));
    expect(waits[0]).toBeGreaterThanOrEqual(drawn(RECONNECT_FIRST_MS));
    expect(waits.slice(1).every((wait, number) => wait >= (waits[number] ?? 0))).toBe(true);
    expect(Math.max(...waits)).toBeGreaterThanOrEqual(drawn(RECONNECT_MAX_MS));
    expect(scene.warnings()).toEqual(['no other']);
    expect(scene.tunnels.connected).toBe(false);
    scene.present = bridges(1);
    await pass(scene, RECONNECT_MAX_MS);
    expect(scene.tunnels.connected).toBe(true);
    expect(scene.rooms).toBe(1);
  });

  it('does not wait for its next time when a bridge is gone, also while another one serves', async () => {
    const scene = await connected(2);
    await pass(scene, 10 * FIND_NEXT_MS);
    const before = scene.wishes.length;
    scene.bridges[0]?.destroy();
    await quiet();
    expect([scene.tunnels.connected, scene.tunnels.all.length]).toEqual([true, 1]);
    // It may have been started again, with another instance.
    scene.present = bridges(3).slice(1);
    await pass(scene, drawn(RECONNECT_FIRST_MS) - 1);
    expect(scene.wishes).toHaveLength(before);
    await pass(scene, 1);
    expect(scene.wishes.slice(before)).toMatchObject([{ except: [bridgeNumber(1)] }]);
    expect(instances(scene)).toEqual([1, 2].map((number) => bridgeNumber(number).toString('hex')));
  });

  it.each([
    ['unreachable', 2],
    ['timeout', 2],
    ['draining', 2],
    ['rateLimit', 2],
    ['noBridge', 1],
    ['notAllowed', 1],
  ] as const)('after %s asks %i of two relays at once', async (code, asked) => {
    const scene = await renewalScene({ present: [], relays: 2 });
    await pass(scene, RECONNECT_MAX_MS);
    scene.trouble = new BeaconError(code, 'so it is', { retry: code !== 'notAllowed' });
    const before = scene.wishes.length;
    while (scene.wishes.length === before) await pass(scene, 100);
    const [first, ...others] = scene.wishes.slice(before);
    const atOnce = others.filter(({ now }) => now === first?.now);
    expect(new Set([first, ...atOnce].map((wish) => wish?.route)).size).toBe(asked);
  });
});

describe('a broker without a tunnel', () => {
  it('asks a node that drained a moment ago where no other may be asked: it may be back', async () => {
    const scene = await renewalScene({ present: [], relays: 2 });
    const [route] = scene.routes.all;
    assert(route);
    const wait = new BeaconError('rateLimit', 'wait', { retry: true, retryAfterMs: 10 * RECONNECT_MAX_MS });
    scene.routes.failed(route, wait, scene.clock.now());
    scene.routes.draining('relay-1', scene.clock.now());
    scene.present = bridges(1);
    await pass(scene, RECONNECT_MAX_MS / 4);
    expect(scene.tunnels.connected).toBe(true);
  });
});

describe('a new stream', () => {
  it('goes to the tunnel with the fewest, whichever came first', async () => {
    const scene = await connected(3);
    const opened = await streams(scene, 7);
    expect(opened.map(({ at }) => at)).toEqual([1, 2, 3, 1, 2, 3, 1]);
    for (const stream of opened.filter(({ at }) => at === 2)) await finish(scene, stream);
    expect((await streams(scene, 3)).map(({ at }) => at)).toEqual([2, 2, 2]);
    expect((await scene.stream()).at).toBe(3);
  });

  it('goes to no tunnel that has no leg', async () => {
    const scene = await connected(2);
    const before = scene.wishes.length;
    scene.cut(1);
    await quiet();
    expect((await streams(scene, 3)).map(({ at }) => at)).toEqual([2, 2, 2]);
    // Its legs are its own matter, while the other one serves.
    await pass(scene, FIND_NEXT_MS - 1);
    expect(scene.wishes).toHaveLength(before);
    scene.cut(2);
    await quiet();
    expect(scene.tunnels.pick()).toBeUndefined();
    expect(scene.tunnels.connected).toBe(false);
  });

  it(`is one of ${BROKER_STREAMS} in a tunnel, and has no place where all are full`, async () => {
    const scene = await connected(2);
    const opened = [];
    for (let number = 0; number < 2 * BROKER_STREAMS; number += 1)
      opened.push(scene.tunnels.pick()?.connect(TARGET));
    expect(opened).not.toContain(undefined);
    expect(scene.tunnels.all.map(({ tunnel }) => tunnel.streams)).toEqual([BROKER_STREAMS, BROKER_STREAMS]);
    expect(scene.tunnels.pick()).toBeUndefined();
    // There will be one when another stream has ended.
    expect(scene.tunnels.connected).toBe(true);
    opened[0]?.link.reset();
    await settled(() => scene.tunnels.pick() !== undefined);
    expect(scene.tunnels.pick()).toBe(scene.tunnels.all[0]?.tunnel);
  });
});

describe('a bridge that says GOAWAY', () => {
  it('gets no new streams, and those that run finish', async () => {
    const scene = await connected(2);
    const [first, second] = await streams(scene, 2);
    const closing = scene.bridges[0]?.close();
    await quiet();
    expect((await streams(scene, 2)).map(({ at }) => at)).toEqual([2, 2]);
    expect(instances(scene)).toHaveLength(2);
    if (first) await finish(scene, first);
    await closing;
    await settled(() => scene.tunnels.all.length === 1);
    expect(instances(scene)).toEqual([bridgeNumber(1).toString('hex')]);
    expect(second?.broker.stream.destroyed).toBe(false);
  });

  it('after it was of use is made up for at once, by another bridge', async () => {
    const scene = await renewalScene();
    await scene.stream();
    await pass(scene, RECONNECT_HEALTHY_MS);
    const before = scene.wishes.length;
    scene.present = bridges(2);
    scene.bridges[0]?.close();
    await quiet();
    await pass(scene, 0);
    // It is still there for its stream, so that it is left out.
    expect(scene.wishes.slice(before)).toMatchObject([{ except: [bridgeNumber(0)] }]);
    expect((await scene.stream()).at).toBe(2);
    expect(scene.warnings()).toEqual([]);
  });

  it('is made up for at once also where another bridge was asked for in vain many times', async () => {
    const scene = await renewalScene();
    await scene.stream();
    await pass(scene, 2 * FIND_BRIDGES_MS + 2 * FIND_NEXT_MS);
    const before = scene.wishes.length;
    scene.present = bridges(2);
    scene.bridges[0]?.close();
    await quiet();
    await pass(scene, 0);
    expect(scene.wishes).toHaveLength(before + 1);
    expect(scene.tunnels.connected).toBe(true);
  });

  it('before it was of use is made up for by the backoff', async () => {
    const scene = await renewalScene();
    await scene.stream();
    await pass(scene, RECONNECT_HEALTHY_MS - 1);
    const before = scene.wishes.length;
    scene.present = bridges(2);
    scene.bridges[0]?.close();
    await quiet();
    await pass(scene, drawn(RECONNECT_FIRST_MS) - 1);
    expect(scene.wishes).toHaveLength(before);
    await pass(scene, 1);
    expect(scene.wishes).toHaveLength(before + 1);
    expect(scene.tunnels.connected).toBe(true);
    expect(scene.warnings()).toEqual(['a tunnel is gone; building another']);
  });
});

describe('a tunnel that is ended', () => {
  it('because the broker is denied is not built again at once', async () => {
    const scene = await renewalScene();
    await pass(scene, RECONNECT_HEALTHY_MS);
    scene.deny = true;
    const before = scene.wishes.length;
    scene.bridges[0]?.denyIfListed();
    await settled(() => scene.tunnels.all.length === 0);
    scene.deny = false;
    await pass(scene, HOPELESS_MS - 1);
    expect(scene.wishes).toHaveLength(before);
    await pass(scene, 1);
    expect(scene.wishes).toHaveLength(before + 1);
    expect(scene.tunnels.connected).toBe(true);
    expect(scene.warnings()).toEqual([expect.stringContaining('--deny-cert-file')]);
  });

  it('because the certificate of its bridge has expired is not built again at once; the other one serves', async () => {
    const [short, long] = [9_000, 36_000_000].map((ms) => identityUntil('bridge', systemClock.wall() + ms));
    let identity = short;
    const scene = await renewalScene({ present: bridges(2), bridge: () => identity ?? identityOf('bridge') });
    identity = long;
    await pass(scene, FIND_NEXT_MS);
    expect((await streams(scene, 2)).map(({ at }) => at)).toEqual([1, 2]);
    while (scene.tunnels.all.length === 2) await pass(scene, FIND_NEXT_MS);
    const before = scene.wishes.length;
    expect((await scene.stream()).at).toBe(2);
    const left = scene.clock.now();
    await pass(scene, HOPELESS_MS - FIND_NEXT_MS);
    expect(scene.wishes).toHaveLength(before);
    await pass(scene, FIND_NEXT_MS);
    expect(scene.wishes.length).toBeGreaterThan(before);
    expect(scene.wishes[before]?.now).toBeGreaterThan(left);
    expect(instances(scene)).toHaveLength(2);
    expect(scene.warnings()).toEqual([expect.stringContaining("the bridge's certificate has expired")]);
  });
});

describe('tunnels that stop', () => {
  it('let the streams of each finish, and dial no more', async () => {
    const scene = await connected(2);
    const [first, second] = await streams(scene, 2);
    const before = scene.wishes.length;
    let isStopped = false;
    const stopping = scene.tunnels.stop(new Promise(() => {})).then(() => {
      isStopped = true;
    });
    await pass(scene, 2 * FIND_BRIDGES_MS);
    expect(scene.tunnels.pick()).toBeUndefined();
    if (first) await finish(scene, first);
    await quiet();
    expect(isStopped).toBe(false);
    if (second) await finish(scene, second);
    await stopping;
    expect([scene.wishes.length, scene.tunnels.all.length]).toEqual([before, 0]);
  });

  it('cut at the deadline what still runs, in all of them', async () => {
    const scene = await connected(2);
    const seen = (await streams(scene, 2)).map(({ broker }) => watch(broker.stream));
    const deadline = Promise.withResolvers<void>();
    const stopping = scene.tunnels.stop(deadline.promise);
    await quiet();
    expect(seen.flatMap(({ events }) => events)).toEqual([]);
    deadline.resolve();
    await Promise.all(seen.map(({ closed }) => closed));
    await stopping;
    expect(seen.flatMap(({ events }) => events)).not.toContain('end');
  });

  it('take no tunnel that comes up meanwhile', async () => {
    const scene = await renewalScene({ present: [] });
    const gate = Promise.withResolvers<void>();
    scene.trouble = gate.promise;
    await pass(scene, RECONNECT_MAX_MS);
    const stopping = scene.tunnels.stop(new Promise(() => {}));
    scene.present = bridges(1);
    gate.resolve();
    await stopping;
    await quiet();
    expect(scene.tunnels.all).toEqual([]);
    expect(scene.rooms).toBe(0);
  });
});
