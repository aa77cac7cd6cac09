/**
 * One node of the bench of a newcomer, in a process of its own: a {@link Cluster} on loopback without a relay around it,
 * which could not hold 50,000 TLS connections here. Told by its parent what to hold, it says what happened and when.
 */
import { systemClock } from '../../src/base/clock.ts';
import type { ClusterPeer } from '../../src/base/cluster-peer.ts';
import { silentLog } from '../../src/base/log.ts';
import { systemRandom } from '../../src/base/random.ts';
import { Cluster } from '../../src/cluster/cluster.ts';
import { parseClusterSecret } from '../../src/cluster/secret.ts';
import { hashOf, instanceOf } from './directory.ts';
import { LOOPBACK } from './loopback.ts';

export interface Task {
  readonly node: string;
  readonly peers: readonly ClusterPeer[];
  readonly secret: string;
  /** Entries that it holds from the start. */
  readonly entries: number;
  /** How many entries, of how many other nodes, make its directory complete. */
  readonly complete: number;
  readonly members: number;
  /** The node whose ticks it looks for, where it ticks itself. */
  readonly tickOf: string | undefined;
}

/** Times are milliseconds since 1970, by the clock that all processes of a machine share. */
export type Report =
  /** It knows all entries of all nodes; how many they are, and how often a node's digest did not match them. */
  | { readonly is: 'complete'; readonly at: number; readonly entries: number; readonly doubts: number }
  /** A bridge parked on `node` as its `tick`-th; when that was due, and when it was known here. */
  | { readonly is: 'tick'; readonly node: string; readonly tick: number; readonly at: number };

const TICK_MS = 50;
const LOOK_MS = 5;
/** Ticks that are looked for: of a minute, more than a run takes. */
const AHEAD = 1_200;

process.once('message', (task: Task) => void run(task));
// The parent is gone, however it ended.
process.once('disconnect', () => process.exit());

async function run(task: Task): Promise<void> {
  const { node, peers, entries, tickOf } = task;
  const ticks = new Map<string, number>();
  const cluster = new Cluster({
    node,
    zone: '',
    software: 'bench',
    peers,
    secret: parseClusterSecret(task.secret, 'bench'),
    listen: { host: LOOPBACK, port: peers.find(({ name }) => name === node)?.port ?? 0 },
    forward: ':1',
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    onAppeared: (infoHash) => {
      const tick = ticks.get(infoHash);
      ticks.delete(infoHash);
      if (tickOf !== undefined && tick !== undefined)
        report({ is: 'tick', node: tickOf, tick, at: systemClock.wall() });
    },
    onDraining: () => {},
    onSuperseded: () => process.exit(1),
  });
  for (let at = 0; at < entries; at += 1) {
    cluster.parked(hashOf(`${node} ${at}`), instanceOf(`${node} ${at}`));
  }
  await cluster.start();
  whenComplete(cluster, task);
  if (tickOf !== undefined) exchangeTicks(cluster, task, tickOf, ticks);
}

function whenComplete(cluster: Cluster, { members: wanted, complete }: Task): void {
  const timer = systemClock.every(LOOK_MS, () => {
    const { members, entries, doubts } = cluster.status().directory;
    if (entries < complete || members.length < wanted) return;
    if (!members.every((member) => member.complete)) return;
    timer.cancel();
    report({ is: 'complete', at: systemClock.wall(), entries, doubts });
  });
}

/** Parks one bridge in TICK_MS, and looks for those that the other one parks. */
function exchangeTicks(cluster: Cluster, { node }: Task, tickOf: string, ticks: Map<string, number>): void {
  const start = systemClock.wall();
  let tick = 0;
  for (let at = 0; at < AHEAD; at += 1) {
    const infoHash = hashOf(`${tickOf} tick ${at}`);
    ticks.set(infoHash, at);
    cluster.watch(infoHash, true);
  }
  const next = (): void => {
    // The time at which it was due: a stall of this process is a delay of its gossip as well.
    const due = start + tick * TICK_MS;
    report({ is: 'tick', node, tick, at: due });
    cluster.parked(hashOf(`${node} tick ${tick}`), instanceOf(node));
    tick += 1;
    systemClock.after(Math.max(0, due + TICK_MS - systemClock.wall()), next);
  };
  next();
}

function report(what: Report): void {
  process.send?.(what);
}
