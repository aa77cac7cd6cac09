/** A tunnel is replaced by another one to the same bridge: the new one first, and no stream is harmed. */
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { BeaconError } from '../../../src/base/errors.ts';
import {
  RECONNECT_FIRST_MS,
  TUNNEL_RENEW_MS,
  TUNNEL_RENEW_SPREAD_MS,
  TUNNEL_RETIRE_MS,
  WALL_LOOK_MS,
} from '../../../src/base/limits.ts';
import { certificatesInPem } from '../../../src/pki/pem.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { quiet } from '../../support/puppet-relay.ts';
import { BRIDGE, renewalScene } from '../../support/renewal-scene.ts';
import { identityUntil } from '../../support/short-lived.ts';
import { watch } from '../../support/streams.ts';

checkLeaks();

const HOUR_MS = 3_600_000;
const REPLACED = 'a tunnel was replaced by a new one to the same bridge';

describe('a tunnel that is replaced', () => {
  it('goes on until the other one is up, finishes its streams, and ends with the last', async () => {
    const scene = await renewalScene();
    const old = await scene.stream();
    scene.tunnels.renew();
    await quiet();
    expect(scene.wishes.at(-1)).toMatchObject({ wanted: BRIDGE });
    expect(scene.tunnels.all.map(({ retired }) => retired)).toEqual([true, false]);
    expect(scene.lines.filter(({ message }) => message === REPLACED)).toHaveLength(1);
    const fresh = await scene.stream();
    expect([old.at, fresh.at]).toEqual([1, 2]);
    const seen = watch(old.broker.stream);
    old.bridge.stream.end('to the last');
    old.bridge.stream.resume();
    old.broker.stream.end();
    await seen.closed;
    expect(seen.bytes.toString()).toBe('to the last');
    expect(seen.events).toEqual(['end', 'close']);
    await settled(() => scene.tunnels.all.length === 1);
    expect(scene.tunnels.all.map(({ retired, serving }) => [retired, serving])).toEqual([[false, true]]);
    expect(fresh.broker.stream.destroyed).toBe(false);
    expect(scene.warnings()).toEqual([]);
  });

  it('serves while another one cannot be had, which is tried again by the backoff', async () => {
    const scene = await renewalScene();
    scene.trouble = new BeaconError('unreachable', 'no route', { retry: true });
    scene.tunnels.renew();
    await quiet();
    const tries = scene.wishes.length;
    expect((await scene.stream()).at).toBe(1);
    scene.trouble = undefined;
    await scene.clock.advanceAsync(RECONNECT_FIRST_MS / 2 - 1);
    await quiet();
    expect([scene.tunnels.all.length, scene.wishes.length]).toEqual([1, tries]);
    await scene.clock.advanceAsync(1);
    await quiet();
    expect((await scene.stream()).at).toBe(2);
    expect(scene.warnings()).toEqual([]);
  });

  it('stays where the bridge denies the other one', async () => {
    const scene = await renewalScene();
    scene.deny = true;
    scene.tunnels.renew();
    await quiet();
    expect(scene.tunnels.all.map(({ retired, serving }) => [retired, serving])).toEqual([[false, true]]);
  });

  it('is replaced once, however often that is asked for', async () => {
    const scene = await renewalScene();
    const gate = Promise.withResolvers<void>();
    scene.trouble = gate.promise;
    const before = scene.wishes.length;
    for (let count = 0; count < 3; count += 1) scene.tunnels.renew();
    await quiet();
    gate.resolve();
    await quiet();
    expect(scene.wishes.length - before).toBe(1);
    await settled(() => scene.tunnels.all.length === 1);
    expect(scene.bridges).toHaveLength(2);
  });

  it('is left alone when its bridge leaves', async () => {
    const scene = await renewalScene();
    const { broker, bridge } = await scene.stream();
    const leaving = scene.bridges[0]?.close();
    await quiet();
    const before = scene.wishes.filter(({ wanted }) => wanted).length;
    scene.tunnels.renew();
    await quiet();
    expect(scene.wishes.filter(({ wanted }) => wanted)).toHaveLength(before);
    bridge.reset();
    broker.reset();
    await leaving;
  });

  it('is not looked at without end where it was due as its bridge left', { timeout: 5_000 }, async () => {
    const scene = await renewalScene();
    const { broker, bridge } = await scene.stream();
    scene.bridges[0]?.askRenewal();
    const leaving = scene.bridges[0]?.close();
    scene.present = [];
    await quiet();
    // Due, and to be replaced by nobody: the clock would never get past that moment.
    await scene.clock.advanceAsync(2 * TUNNEL_RENEW_SPREAD_MS);
    expect(broker.stream.destroyed).toBe(false);
    bridge.reset();
    broker.reset();
    await leaving;
  });

  it(`is cut after ${TUNNEL_RETIRE_MS} ms where a stream never ends`, { timeout: 60_000 }, async () => {
    const scene = await renewalScene();
    const { broker } = await scene.stream();
    const seen = watch(broker.stream);
    scene.tunnels.renew();
    await quiet();
    await scene.clock.advanceAsync(TUNNEL_RETIRE_MS - 1);
    await quiet();
    expect(seen.events).toEqual([]);
    await scene.clock.advanceAsync(1);
    await seen.closed;
    expect(seen.events).not.toContain('end');
  });

  it('is forgotten when the broker stops while another one is opened', async () => {
    const scene = await renewalScene();
    const gate = Promise.withResolvers<void>();
    scene.trouble = gate.promise;
    scene.tunnels.renew();
    await quiet();
    const stopping = scene.tunnels.stop(Promise.resolve());
    gate.resolve();
    await stopping;
    await quiet();
    expect(scene.tunnels.all).toEqual([]);
  });
});

describe('a tunnel whose certificate expires', () => {
  const untilMs = (): number => systemClock.wall() + 10 * HOUR_MS;

  it.each(['bridge', 'broker'] as const)('is replaced before, where it is that of the %s', async (role) => {
    const identity = identityUntil(role, untilMs());
    const scene = await renewalScene(role === 'bridge' ? { bridge: () => identity } : { broker: identity });
    expect(scene.tunnels.all).toHaveLength(1);
    // Drawn in the middle: three quarters of the hour before; certificates know whole seconds.
    const dueMs = identity.notAfterMs - 0.75 * TUNNEL_RENEW_MS - scene.clock.wall();
    scene.clock.jumpWall(dueMs - WALL_LOOK_MS - 2_000);
    await scene.clock.advanceAsync(WALL_LOOK_MS);
    await quiet();
    expect(scene.bridges).toHaveLength(1);
    await scene.clock.advanceAsync(2_000);
    await quiet();
    expect(scene.bridges).toHaveLength(2);
    expect((await scene.stream()).at).toBe(2);
    expect(scene.warnings()).toEqual([]);
  });

  it('ends with it, as an abort, and the broker says why', async () => {
    const short = identityUntil('bridge', systemClock.wall() + 9_000);
    const long = identityUntil('bridge', systemClock.wall() + 10 * HOUR_MS);
    let identity = short;
    const scene = await renewalScene({ bridge: () => identity });
    const { broker } = await scene.stream();
    const seen = watch(broker.stream);
    identity = long;
    const leftMs = Math.floor(short.notAfterMs / 1_000) * 1_000 + 1_000 - scene.clock.wall();
    await scene.clock.advanceAsync(leftMs - 1);
    await quiet();
    expect(seen.events).toEqual([]);
    await scene.clock.advanceAsync(1);
    await seen.closed;
    expect(seen.events).not.toContain('end');
    expect(scene.warnings()).toEqual([expect.stringContaining("the bridge's certificate has expired")]);
  });
});

it('a broker that is denied in the middle loses its tunnel and says why', async () => {
  const scene = await renewalScene();
  const { broker } = await scene.stream();
  const seen = watch(broker.stream);
  scene.deny = true;
  expect(scene.bridges[0]?.denyIfListed()).toBe(true);
  await seen.closed;
  expect(seen.events).not.toContain('end');
  await settled(() => scene.warnings().length > 0);
  expect(scene.warnings()).toEqual([expect.stringContaining('--deny-cert-file')]);
});

describe('a certificate that is changed', () => {
  const streamsOf = (scene: { tunnels: { all: readonly { retired: boolean }[] } }) =>
    scene.tunnels.all.map(({ retired }) => retired);

  it('of the broker: every tunnel is replaced, and the bridge sees the new one', async () => {
    const scene = await renewalScene();
    const { broker } = await scene.stream();
    const fresh = identityUntil('broker', systemClock.wall() + HOUR_MS * 48);
    scene.tunnels.setIdentity({ ...fresh, clock: scene.clock });
    await quiet();
    expect(streamsOf(scene)).toEqual([true, false]);
    const next = await scene.stream();
    const leaf = certificatesInPem(fresh.certPem)[0];
    expect([next.at, next.bridge.peerChain[0]]).toEqual([2, leaf]);
    expect(broker.stream.destroyed).toBe(false);
  });

  it('of the broker, while a tunnel with the old one is being opened: that one is replaced as well', async () => {
    const scene = await renewalScene();
    const gate = Promise.withResolvers<void>();
    scene.trouble = gate.promise;
    scene.tunnels.renew();
    await quiet();
    const fresh = identityUntil('broker', systemClock.wall() + HOUR_MS * 48);
    scene.tunnels.setIdentity({ ...fresh, clock: scene.clock });
    scene.trouble = undefined;
    gate.resolve();
    await quiet();
    await settled(() => scene.tunnels.all.length === 1);
    const next = await scene.stream();
    expect(next.bridge.peerChain[0]).toEqual(certificatesInPem(fresh.certPem)[0]);
  });

  it('of the bridge: the broker replaces the tunnel within some seconds, once, at its word', async () => {
    const scene = await renewalScene();
    const { broker } = await scene.stream();
    const before = scene.wishes.filter(({ wanted }) => wanted).length;
    scene.bridges[0]?.askRenewal();
    scene.bridges[0]?.askRenewal();
    await quiet();
    await scene.clock.advanceAsync(TUNNEL_RENEW_SPREAD_MS / 2 - 1);
    await quiet();
    expect(streamsOf(scene)).toEqual([false]);
    await scene.clock.advanceAsync(1);
    await quiet();
    expect(streamsOf(scene)).toEqual([true, false]);
    await scene.clock.advanceAsync(2 * TUNNEL_RENEW_SPREAD_MS);
    await quiet();
    expect(scene.wishes.filter(({ wanted }) => wanted)).toHaveLength(before + 1);
    expect(broker.stream.destroyed).toBe(false);
  });

  it('and a CA that is trusted no longer: the tunnel under it is cut', async () => {
    const scene = await renewalScene();
    const { broker } = await scene.stream();
    const seen = watch(broker.stream);
    const { accepts: _gone, ...identity } = identityUntil('broker', systemClock.wall() + HOUR_MS * 48);
    scene.trouble = new BeaconError('unreachable', 'no route', { retry: true });
    scene.tunnels.setIdentity({ ...identity, accepts: [], clock: scene.clock });
    await seen.closed;
    expect(seen.events).not.toContain('end');
  });
});
