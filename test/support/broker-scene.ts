/** A broker, a relay that does what a test says, and bridges where a test wants them. */
import { onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { Broker } from '../../src/broker/broker.ts';
import type { Link } from '../../src/net/link.ts';
import type { BridgeTunnel, ReachTarget } from '../../src/tunnel/bridge-tunnel.ts';
import { ManualClock } from './manual-clock.ts';
import { type MemoryLink, memoryLinks } from './memory-link.ts';
import { type PuppetClient, PuppetRelay, quiet } from './puppet-relay.ts';
import { type RecordedLine, recordingLog } from './recording-log.ts';
import { acceptTunnel, identityOf, TARGET } from './tunnels.ts';

export interface BrokerScene {
  readonly broker: Broker;
  readonly relay: PuppetRelay;
  readonly clock: ManualClock;
  readonly lines: readonly RecordedLine[];
  /** Where streams arrived: the bridge's end of each, in order. */
  readonly arrived: Link[];
  /** A client of the broker, for `target`; the far end of its connection. */
  client(target?: string): MemoryLink;
  /** Makes the last connection at the relay a tunnel. */
  bridge(reach?: ReachTarget): Promise<BridgeTunnel>;
  warnings(): readonly string[];
}

export interface BrokerSceneOptions {
  /** Where in its range every random wait falls. */
  readonly fraction?: number;
}

/** Closed, and checked for timers left behind, when the test has finished. */
export async function brokerScene({ fraction = 0.5 }: BrokerSceneOptions = {}): Promise<BrokerScene> {
  const relay = new PuppetRelay();
  const clock = new ManualClock(systemClock.wall());
  const { log, lines } = recordingLog();
  const arrived: Link[] = [];
  const clients: MemoryLink[] = [];
  const broker = new Broker({
    dialer: relay,
    identity: { ...identityOf('broker'), clock },
    software: 'test/1',
    clock,
    random: { fraction: () => fraction, bytes: (count) => Buffer.alloc(count, 5) },
    log,
  });
  onTestFinished(async () => {
    await broker.stop(Promise.resolve());
    for (const client of clients) client.reset();
    relay.close();
    await quiet();
    if (clock.pending > 0) throw new Error(`${clock.pending} timers were left behind`);
  });
  broker.start();
  await quiet();
  return {
    broker,
    relay,
    clock,
    lines,
    arrived,
    client: (target = TARGET) => {
      const [far, near] = memoryLinks();
      clients.push(far);
      broker.serve(near, target);
      return far;
    },
    bridge: (reach) => bridgeAt(relay.searches.at(-1), arrived, reach),
    warnings: () => lines.filter(({ level }) => level === 'warn').map(({ message }) => message),
  };
}

async function bridgeAt(
  client: PuppetClient | undefined,
  arrived: Link[],
  reach: ReachTarget = () => Promise.resolve(memoryLinks()[0]),
): Promise<BridgeTunnel> {
  if (!client) throw new Error('the broker has dialled no relay');
  client.sendPaired();
  const identity = identityOf('bridge');
  const tunnel = await acceptTunnel(client.link, identity, reach, {
    onStream: (link) => arrived.push(link),
    onRefused: () => {},
  });
  // Cut off, it waits for a minute.
  onTestFinished(() => tunnel.destroy());
  await quiet();
  return tunnel;
}
