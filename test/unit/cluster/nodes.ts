/** Gossip nodes on 127.0.0.1 for the tests of this folder. */
import { expect, onTestFinished } from 'vitest';
import { type Clock, systemClock } from '../../../src/base/clock.ts';
import type { ClusterPeer } from '../../../src/base/cluster-peer.ts';
import { silentLog } from '../../../src/base/log.ts';
import { systemRandom } from '../../../src/base/random.ts';
import { Gossip, type GossipOptions } from '../../../src/cluster/gossip.ts';
import { parseClusterSecret } from '../../../src/cluster/secret.ts';

export const LINE_A = 'first-secret-first-secret-first-secret';
export const LINE_B = 'other-secret-other-secret-other-secret';

/** The pauses of membership pass four times as fast; timers are real, as libp2p's are. */
export const quickClock: Clock = { ...systemClock, now: () => 4 * systemClock.now() };

export function secretOf(...lines: string[]) {
  return parseClusterSecret(lines.join('\n'), 'test');
}

export interface TestNode {
  readonly gossip: Gossip;
  readonly name: string;
  readonly port: number;
  /** `from:text` of every entry, `from!text` of every heartbeat, and `+node`, `-node` for connections. */
  readonly heard: string[];
  stop(): Promise<void>;
}

export interface TestNodeOptions extends Partial<GossipOptions> {
  readonly lines?: readonly string[];
  readonly port?: number;
}

/** A running node; stopped when the test ends. */
export async function startNode(
  name: string,
  members: readonly ClusterPeer[],
  options: TestNodeOptions = {},
): Promise<TestNode> {
  const heard: string[] = [];
  const gossip = new Gossip({
    nodeName: name,
    listen: { host: '127.0.0.1', port: options.port ?? 0 },
    members,
    secret: secretOf(...(options.lines ?? [LINE_A])),
    clock: quickClock,
    random: systemRandom,
    log: silentLog,
    onEntry: (from, bytes) => heard.push(`${from}:${Buffer.from(bytes).toString()}`),
    onHeartbeat: (from, bytes) => heard.push(`${from}!${Buffer.from(bytes).toString()}`),
    onConnected: (node) => heard.push(`+${node}`),
    onDisconnected: (node) => heard.push(`-${node}`),
    onPull: () => undefined,
    ...options,
  });
  const { port } = await gossip.start();
  const stop = (): Promise<void> => gossip.stop();
  onTestFinished(stop);
  return { gossip, name, port, heard, stop };
}

export function peer(name: string, port: number): ClusterPeer {
  return { name, host: '127.0.0.1', port };
}

/** Waits for `condition`, looking every 10 ms; fails with `what` after 10 s. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  await expect.poll(condition, { message: what, timeout: 10_000, interval: 10 }).toBe(true);
}

export function connected({ gossip }: TestNode): string[] {
  return gossip
    .members()
    .filter(({ state }) => state === 'connected')
    .map(({ name }) => name);
}

let entryNumber = 0;

/** Publishes until every one of `others` has heard one entry: a subscription shows up a moment after the connection. */
export async function reaches(from: TestNode, others: readonly TestNode[]): Promise<void> {
  entryNumber += 1;
  const text = `entry ${entryNumber}`;
  await expect
    .poll(
      async () => {
        await from.gossip.publish(Buffer.from(text));
        return others.every(({ heard }) => heard.includes(`${from.name}:${text}`));
      },
      { message: `${from.name} reaches ${others.map(({ name }) => name)}`, timeout: 10_000, interval: 25 },
    )
    .toBe(true);
}

/** Everybody hears everybody. */
export async function allReachAll(nodes: readonly TestNode[]): Promise<void> {
  for (const node of nodes)
    await reaches(
      node,
      nodes.filter((other) => other !== node),
    );
}

/** A member that is expected and cannot be dialled: nothing listens there. It may dial. */
export function callerOnly(name: string): ClusterPeer {
  return { name, host: '127.0.0.1', port: 1 };
}
