/** What ends a tunnel at the bridge beside its broker: the deny list, and the dates of the broker's certificate. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { DENIED_LINGER_MS } from '../../../src/base/limits.ts';
import type { Link } from '../../../src/net/link.ts';
import type { BridgeTunnel } from '../../../src/tunnel/bridge-tunnel.ts';
import type { BrokerTunnel } from '../../../src/tunnel/broker-tunnel.ts';
import type { TunnelIdentity } from '../../../src/tunnel/http2.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type MemoryLink, memoryLinks } from '../../support/memory-link.ts';
import { quiet } from '../../support/puppet-relay.ts';
import { identityUntil } from '../../support/short-lived.ts';
import { watch } from '../../support/streams.ts';
import { acceptTunnel, identityOf, openTunnel, TARGET } from '../../support/tunnels.ts';

checkLeaks();

interface Scene {
  readonly clock: ManualClock;
  readonly broker: BrokerTunnel;
  /** Rejects when the bridge does not let the broker in. */
  readonly bridge: Promise<BridgeTunnel>;
  /** Streams that reached their target. */
  readonly served: Link[];
  /** Chains that the deny list was asked for. */
  readonly asked: (readonly Buffer[])[];
  /** What the deny list says. */
  denied: boolean;
  /** Targets are reached when it resolves. */
  gate: Promise<void>;
  /** How often one was to be reached. */
  reached: number;
}

async function scene(
  identity: TunnelIdentity = identityOf('broker'),
  denied: boolean | undefined = undefined,
): Promise<Scene> {
  const clock = new ManualClock(systemClock.wall());
  const [a, b] = memoryLinks();
  const [served, targets]: [Link[], MemoryLink[]] = [[], []];
  const reach = async (): Promise<Link> => {
    made.reached += 1;
    await made.gate;
    const [near] = memoryLinks();
    targets.push(near);
    return near;
  };
  const asked: (readonly Buffer[])[] = [];
  const bridge = acceptTunnel(b, { ...identityOf('bridge'), clock }, reach, {
    onStream: (link) => served.push(link),
    onRefused: () => {},
    denies: (chain) => {
      asked.push(chain);
      return made.denied;
    },
  });
  bridge.catch(() => {});
  const made: Scene = {
    clock,
    broker: undefined as never,
    bridge,
    served,
    asked,
    denied: denied ?? false,
    gate: Promise.resolve(),
    reached: 0,
  };
  const broker = await openTunnel(a, { ...identity, clock });
  onTestFinished(async () => {
    broker.destroy();
    await pass(clock, 5_000);
    await bridge.then(
      (tunnel) => tunnel.destroy(),
      () => {},
    );
    for (const link of [a, b, ...targets]) link.reset();
    await quiet();
    await clock.advanceAsync(5_000);
    expect(clock.pending).toBe(0);
  });
  return Object.assign(made, { broker });
}

async function pass(clock: ManualClock, ms: number): Promise<void> {
  await quiet();
  await clock.advanceAsync(ms);
  await quiet();
}

describe('a broker on the deny list', () => {
  it('gets no tunnel, and is told why', async () => {
    const { broker, bridge, asked, clock } = await scene(identityOf('broker'), true);
    expect(await broker.left).toBe('denied');
    await expect(broker.admitted()).rejects.toMatchObject({ code: 'closed' });
    await pass(clock, 5_000);
    await expect(bridge).rejects.toMatchObject({ code: 'untrusted' });
    expect(asked[0]?.map((der) => der.length > 0)).toEqual([true, true]);
  });

  it('has no stream served that crosses the news, before or after its target was dialled', async () => {
    const made = await scene();
    const tunnel = await made.bridge;
    await made.broker.admitted();
    const gate = Promise.withResolvers<void>();
    made.gate = gate.promise;
    const { accepted } = made.broker.connect(TARGET);
    await settled(() => made.reached === 1);
    made.denied = true;
    // In one turn: the broker does not know yet.
    tunnel.denyIfListed();
    gate.resolve();
    const late = made.broker.connect(TARGET).accepted;
    for (const each of [accepted, late])
      await expect(each).rejects.toMatchObject({ code: expect.stringMatching(/^(noTunnel|closed)$/) });
    await quiet();
    expect(made.served).toEqual([]);
  });

  it('loses the tunnel that it has, as an abort, and is told why', async () => {
    const made = await scene();
    const tunnel = await made.bridge;
    await made.broker.admitted();
    const { link, accepted } = made.broker.connect(TARGET);
    await accepted;
    const seen = watch(link.stream);
    expect(tunnel.denyIfListed()).toBe(false);
    made.denied = true;
    expect(tunnel.denyIfListed()).toBe(true);
    expect(await made.broker.left).toBe('denied');
    await seen.closed;
    expect(seen.events).not.toContain('end');
    await made.clock.advanceAsync(DENIED_LINGER_MS);
    await quiet();
    await tunnel.closed;
  });

  it(`is cut after ${DENIED_LINGER_MS} ms where it does not hear`, async () => {
    const made = await scene();
    const tunnel = await made.bridge;
    await made.broker.admitted();
    let gone = false;
    void tunnel.closed.then(() => {
      gone = true;
    });
    // Nothing that it is told gets there, and nothing of its own gets here.
    for (const leg of made.broker.legs)
      leg.handler = { onData() {}, onFrame() {}, onRead() {}, onRoom() {}, onLost() {} };
    made.denied = true;
    tunnel.denyIfListed();
    await made.clock.advanceAsync(DENIED_LINGER_MS - 1);
    await quiet();
    expect(gone).toBe(false);
    await made.clock.advanceAsync(1);
    await quiet();
    await made.clock.advanceAsync(5_000);
    await quiet();
    expect(gone).toBe(true);
  });
});

describe('a broker whose certificate expires', () => {
  it('is cut when its last second is over, and its streams are aborted', async () => {
    const identity = identityUntil('broker', systemClock.wall() + 4_000);
    const made = await scene(identity);
    const tunnel = await made.bridge;
    const { link, accepted } = made.broker.connect(TARGET);
    await accepted;
    const seen = watch(link.stream);
    const lastMs = Math.floor(identity.notAfterMs / 1_000) * 1_000 + 999;
    await made.clock.advanceAsync(lastMs - made.clock.wall());
    await quiet();
    expect([made.broker.usable, seen.events]).toEqual([true, []]);
    await made.clock.advanceAsync(1);
    await seen.closed;
    expect(seen.events).not.toContain('end');
    await quiet();
    await made.clock.advanceAsync(5_000);
    await tunnel.closed;
  });
});
