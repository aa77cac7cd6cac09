/** The bridge: how many parks it keeps, how it comes back, how it serves and how it leaves. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { BeaconError } from '../../../src/base/errors.ts';
import {
  BRIDGE_TUNNELS,
  LEAVE_AGAIN_MS,
  LEAVE_SPREAD_MS,
  PAIRING_WINDOW_MS,
  PARKS_MAX,
  PING_INTERVAL_MS,
  PONG_TIMEOUT_MS,
  RECONNECT_FIRST_MS,
  RECONNECT_MAX_MS,
} from '../../../src/base/limits.ts';
import type { Random } from '../../../src/base/random.ts';
import { Bridge } from '../../../src/bridge/bridge.ts';
import type { Link } from '../../../src/net/link.ts';
import type { ReachTarget } from '../../../src/tunnel/bridge-tunnel.ts';
import type { BrokerTunnel } from '../../../src/tunnel/broker-tunnel.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { memoryLinks } from '../../support/memory-link.ts';
import { PAIR_ID, type PuppetClient, PuppetRelay, quiet } from '../../support/puppet-relay.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { identityUntil } from '../../support/short-lived.ts';
import { watch } from '../../support/streams.ts';
import { identityOf, openTunnel, TARGET } from '../../support/tunnels.ts';

checkLeaks();

const UNREACHABLE = new BeaconError('unreachable', 'no route', { retry: true });

interface Scene {
  readonly bridge: Bridge;
  readonly relay: PuppetRelay;
  readonly clock: ManualClock;
  readonly warnings: () => readonly string[];
  /** The store's end of what the bridge dialled. */
  readonly targets: Link[];
  stop(): Promise<void>;
}

interface SceneOptions {
  readonly parks?: number;
  /** Where in its range every random wait falls. */
  readonly fraction?: number;
  readonly reach?: ReachTarget;
}

async function scene({ parks = 4, fraction = 0.5, reach }: SceneOptions = {}): Promise<Scene> {
  const random: Random = { fraction: () => fraction, bytes: (count) => Buffer.alloc(count, 3) };
  const relay = new PuppetRelay(random);
  const clock = new ManualClock(systemClock.wall());
  const { log, lines } = recordingLog();
  const targets: Link[] = [];
  const bridge = new Bridge({
    dialer: relay,
    identity: { ...identityOf('bridge'), clock },
    parks,
    reach:
      reach ??
      (() => {
        const [near, far] = memoryLinks();
        targets.push(far);
        return Promise.resolve(near);
      }),
    software: 'test/1',
    clock,
    random,
    log,
  });
  const stop = (): Promise<void> => bridge.stop(Promise.resolve());
  onTestFinished(async () => {
    await stop();
    relay.close();
    for (const target of targets) target.reset();
    await quiet();
    expect(clock.pending).toBe(0);
  });
  bridge.start();
  await relay.park();
  const warnings = (): string[] =>
    lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
  return { bridge, relay, clock, warnings, targets, stop };
}

/** Offers a pairing to `client`; resolves with the broker's end of the leg. */
async function offer(client: PuppetClient | undefined): Promise<Link> {
  client?.send({ type: 'offer', pairId: PAIR_ID });
  await settled(() => client?.count('accept') === 1);
  return client?.link as Link;
}

async function tunnelTo(client: PuppetClient | undefined): Promise<BrokerTunnel> {
  return openTunnel(await offer(client), identityOf('broker'));
}

describe('the parks of a bridge', () => {
  it('are as many as it was told, all of one instance', async () => {
    const { bridge, relay } = await scene({ parks: 7 });
    expect(bridge.parked).toBe(7);
    const hellos = relay.clients.map(({ frames }) => frames[0]);
    expect(hellos).toHaveLength(7);
    for (const hello of hellos) expect(hello).toMatchObject({ role: 'park', instance: Buffer.alloc(16, 3) });
  });

  it('grow by each pairing of the last seconds, and no more', async () => {
    const { bridge, relay, clock } = await scene({ parks: 2 });
    for (let count = 1; count <= 5; count += 1) {
      await offer(relay.open.find(({ frames }) => frames.at(-1)?.type === 'hello'));
      await relay.park();
      expect(bridge.parked).toBe(2 + count);
    }
    await clock.advanceAsync(PAIRING_WINDOW_MS);
    await offer(relay.open.find(({ frames }) => frames.at(-1)?.type === 'hello'));
    await relay.park();
    expect(bridge.parked).toBe(6);
  });

  it(`are at most ${PARKS_MAX}`, async () => {
    const { bridge, relay } = await scene({ parks: PARKS_MAX - 1 });
    for (let count = 0; count < 5; count += 1) {
      await offer(relay.open.find(({ frames }) => frames.at(-1)?.type === 'hello'));
      await relay.park();
    }
    expect(bridge.parked).toBe(PARKS_MAX);
  });

  it('come back after the relay died, after one wait, with one warning', async () => {
    const { bridge, relay, clock, warnings } = await scene({ parks: 3 });
    relay.down = UNREACHABLE;
    await relay.die();
    expect(bridge.parked).toBe(0);
    expect(clock.pending).toBe(1);
    await clock.advanceAsync(RECONNECT_FIRST_MS / 2);
    await quiet();
    relay.down = undefined;
    // The second failure doubles the ceiling.
    await clock.advanceAsync(RECONNECT_FIRST_MS - 1);
    await relay.park();
    expect(bridge.parked).toBe(0);
    await clock.advanceAsync(1);
    await relay.park();
    expect(bridge.parked).toBe(3);
    expect(warnings()).toEqual(['the relay closed a parked connection', 'no route']);
  });

  it(`leave a relay that does not answer pings after ${PONG_TIMEOUT_MS} ms`, async () => {
    const { bridge, relay, clock, warnings } = await scene({ parks: 2 });
    await clock.advanceAsync(PING_INTERVAL_MS);
    await quiet();
    const [mute, sound] = relay.clients;
    sound?.send({ type: 'pong', token: 1 });
    await quiet();
    await clock.advanceAsync(PONG_TIMEOUT_MS);
    await quiet();
    expect(mute?.gone).toBe(true);
    expect(sound?.gone).toBe(false);
    expect(warnings()).toEqual(['the relay does not answer on a parked connection']);
    await clock.advanceAsync(RECONNECT_FIRST_MS / 2);
    await relay.park();
    expect(bridge.parked).toBe(2);
  });

  it.each([
    ['notAllowed', RECONNECT_MAX_MS / 2 + RECONNECT_FIRST_MS / 4],
    ['draining', RECONNECT_FIRST_MS / 2],
  ] as const)('refused with %s are tried again after %i ms', async (code, waitMs) => {
    const { relay, clock } = await scene({ parks: 1 });
    relay.clients[0]?.refuse(code);
    await quiet();
    await clock.advanceAsync(waitMs - 1);
    await quiet();
    expect(relay.clients).toHaveLength(1);
    await clock.advanceAsync(1);
    await quiet();
    expect(relay.clients).toHaveLength(2);
  });

  it('are replaced at GOAWAY first, and only then closed', async () => {
    const { bridge, relay, clock } = await scene({ parks: 2 });
    const [leaving, staying] = relay.clients;
    leaving?.send({ type: 'goaway', reconnectAfterMs: 3_000 });
    await quiet();
    expect(relay.clients).toHaveLength(2);
    await clock.advanceAsync(3_000);
    await quiet();
    expect(relay.clients).toHaveLength(3);
    expect(leaving?.gone).toBe(false);
    await relay.park();
    expect(leaving?.gone).toBe(true);
    expect(staying?.gone).toBe(false);
    expect(bridge.parked).toBe(2);
  });

  it('that leave are of use until they are replaced', async () => {
    const { bridge, relay, clock } = await scene({ parks: 1 });
    relay.clients[0]?.send({ type: 'goaway', reconnectAfterMs: 0 });
    await quiet();
    await clock.advanceAsync(0);
    await quiet();
    const tunnel = await tunnelTo(relay.clients[0]);
    await settled(() => bridge.tunnels === 1);
    expect(bridge.tunnels).toBe(1);
    await relay.park();
    expect(relay.clients[1]?.gone).toBe(false);
    tunnel.destroy();
  });

  // A thousand handshakes, for a machine that has other work to do.
  it('stop when there are as many tunnels as a bridge takes', { timeout: 60_000 }, async () => {
    const { bridge, relay, clock } = await scene({ parks: PARKS_MAX });
    let paired = 0;
    while (paired < BRIDGE_TUNNELS) {
      const idle = relay.open.filter(({ frames }) => frames.at(-1)?.type === 'hello');
      if (idle.length === 0) break;
      for (const client of idle) client.send({ type: 'offer', pairId: PAIR_ID });
      paired += idle.length;
      await relay.park();
    }
    expect(paired).toBe(BRIDGE_TUNNELS);
    expect(bridge.parked).toBe(0);
    relay.clients[0]?.link.reset();
    await clock.advanceAsync(0);
    await relay.park();
    expect(bridge.parked).toBe(1);
  });
});

describe('a bridge', () => {
  it('serves streams from its target', async () => {
    const { bridge, relay, targets } = await scene();
    const tunnel = await tunnelTo(relay.clients[0]);
    const { link, accepted } = tunnel.connect(TARGET);
    link.stream.write('question');
    await accepted;
    expect(bridge.tunnels).toBe(1);
    const [store] = targets;
    const seen = watch(link.stream);
    store?.stream.on('data', (chunk: Buffer) => store.stream.end(`${chunk} answered`));
    await seen.ended;
    expect(seen.bytes.toString()).toBe('question answered');
    tunnel.destroy();
    await tunnel.closed;
    await settled(() => bridge.tunnels === 0);
    expect(bridge.tunnels).toBe(0);
  });

  it('warns once of a store that is down, and again after it was up', async () => {
    let isDown = true;
    const [near, far] = memoryLinks();
    const { relay, warnings } = await scene({
      reach: () =>
        isDown ? Promise.reject(new BeaconError('targetUnreachable', 'no store')) : Promise.resolve(near),
    });
    const tunnel = await tunnelTo(relay.clients[0]);
    const ask = (): Promise<void> => tunnel.connect(TARGET).accepted;
    for (let count = 0; count < 3; count += 1) {
      await expect(ask()).rejects.toMatchObject({ code: 'targetUnreachable' });
    }
    isDown = false;
    await ask();
    isDown = true;
    await expect(ask()).rejects.toMatchObject({ code: 'targetUnreachable' });
    expect(warnings()).toEqual(Array.from({ length: 2 }, () => 'a stream was refused: no store'));
    tunnel.destroy();
    far.reset();
  });

  it('drops a broker that is not one, and parks on', async () => {
    const { bridge, relay, warnings } = await scene({ parks: 1 });
    const link = await offer(relay.clients[0]);
    const seen = watch(link.stream);
    link.stream.write('GET / HTTP/1.1\r\n\r\n');
    await seen.closed;
    await relay.park();
    // The one it was told, and one for the pairing just now.
    expect(bridge.parked).toBe(2);
    expect(warnings()[0]).toMatch(/^a broker came, and no tunnel: /);
  });
});

it('tells its brokers to get off a node that drains: after a while, and again while it does', async () => {
  const { relay, clock } = await scene();
  const nodes: string[] = [];
  const onLeave = (node: string): void => void nodes.push(node);
  const watcher = { onLegGone() {}, onSuspect() {}, onMove() {}, onLeave };
  await (await openTunnel(await offer(relay.clients[0]), identityOf('broker'), watcher)).ready;
  await relay.park();
  for (const waitMs of [LEAVE_SPREAD_MS, LEAVE_AGAIN_MS - LEAVE_SPREAD_MS, 0]) {
    relay.clients[1]?.send({ type: 'draining', node: 'elsewhere' });
    await quiet();
    await clock.advanceAsync(waitMs);
    await quiet();
  }
  // Not for the second word, which came too soon.
  expect(nodes).toEqual(['elsewhere', 'elsewhere']);
});

describe('a bridge that stops', () => {
  it('leaves its parks and dials no more', async () => {
    const { bridge, relay, stop } = await scene();
    await stop();
    await quiet();
    expect(relay.open).toHaveLength(0);
    expect(bridge.parked).toBe(0);
    expect(relay.clients).toHaveLength(4);
  });

  it('closes a park that was being dialled', async () => {
    const { relay, stop, clock } = await scene({ parks: 1 });
    await relay.die();
    clock.advance(RECONNECT_FIRST_MS / 2);
    await stop();
    await quiet();
    expect(relay.open).toHaveLength(0);
  });

  it('says GOAWAY and lets running streams finish', async () => {
    const { bridge, relay, targets } = await scene();
    const tunnel = await tunnelTo(relay.clients[0]);
    const { link, accepted } = tunnel.connect(TARGET);
    await accepted;
    const stopping = bridge.stop(new Promise(() => {}));
    expect(await tunnel.left).toBe('goaway');
    const seen = watch(link.stream);
    targets[0]?.stream.end('last words');
    targets[0]?.stream.resume();
    link.stream.end();
    await stopping;
    await seen.closed;
    expect(seen.events).toEqual(['end', 'close']);
    expect(seen.bytes.toString()).toBe('last words');
  });

  it('cuts at its deadline what still runs', async () => {
    const { bridge, relay, targets } = await scene();
    const tunnel = await tunnelTo(relay.clients[0]);
    const { link, accepted } = tunnel.connect(TARGET);
    await accepted;
    const atStore = targets[0] && watch(targets[0].stream);
    const atBroker = watch(link.stream);
    await bridge.stop(Promise.resolve());
    await Promise.all([atStore?.closed, atBroker.closed, tunnel.closed]);
    expect(atStore?.events).toEqual(['error:ECONNRESET', 'close']);
    expect(atBroker.events).not.toContain('end');
    expect(bridge.tunnels).toBe(0);
  });

  it('cuts a handshake that is under way', async () => {
    const { relay, stop, clock, warnings } = await scene();
    const link = await offer(relay.clients[0]);
    const seen = watch(link.stream);
    await stop();
    await seen.closed;
    await quiet();
    expect(clock.pending).toBe(0);
    expect(warnings()).toEqual([]);
  });
});

describe('a bridge whose certificate is changed', () => {
  it('asks its brokers for new tunnels, shows them the new one, and parks anew', async () => {
    const { bridge, relay, clock } = await scene({ parks: 2 });
    const old = await tunnelTo(relay.clients[0]);
    await relay.park();
    const parked = relay.open.length;
    const fresh = identityUntil('bridge', systemClock.wall() + 86_400_000);
    bridge.setIdentity({ ...fresh, clock });
    await old.renewalAsked;
    for (let count = 0; count < parked; count += 1) await relay.park();
    const next = await tunnelTo(relay.open.at(-1));
    expect(next.notAfterMs).toBe(Math.floor(fresh.notAfterMs / 1_000) * 1_000);
    expect(old.usable).toBe(true);
    old.destroy();
    next.destroy();
    await Promise.all([old.closed, next.closed]);
  });

  it('cuts the tunnels of brokers under a CA that it trusts no longer', async () => {
    const { bridge, relay, clock } = await scene();
    const tunnel = await tunnelTo(relay.clients[0]);
    bridge.setIdentity({ ...identityOf('bridge'), accepts: [], clock });
    await tunnel.closed;
    await settled(() => bridge.tunnels === 0);
    expect(bridge.tunnels).toBe(0);
  });
});
