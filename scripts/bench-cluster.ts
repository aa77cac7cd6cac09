/**
 * What a cluster of three relays must reach: ten rows, each a bar, what was measured, and whether it was met. Exits
 * with 1 when one is missed. It ends by itself in four minutes, leaves no process behind, and speaks to addresses of
 * 127.0.0.0/8 only. docs/benchmarks.md says what each row means.
 *
 *   npm run bench:cluster -- [--json FILE]
 */
import { parseArgs } from 'node:util';
import type { LogLevel } from '../src/base/log.ts';
import { ask } from './bench/child.ts';
import { BARS, barOf, TABLE } from './bench/cluster-bars.ts';
import { measureDeadNodes } from './bench/dead-nodes.ts';
import type { CostsAnswer, CostsTask } from './bench/directory-costs.ts';
import { measureNewcomer } from './bench/newcomer.ts';
import { measurePairing } from './bench/pairing.ts';
import { measurePartitions } from './bench/partitions.ts';
import { measureParts, type Part } from './bench/parts.ts';
import { RelayCluster } from './bench/relay-cluster.ts';
import { atMost, type Row, rounded, withUnit } from './bench/report.ts';

/** All must be done by then; what is not counts as missed. */
const END_MS = 235_000;
/** Of virtual time; twice as much in bench-directory.ts. */
const SIMULATED_SECONDS = 10;

const PARTS: readonly Part[] = [
  { name: 'adverts and pairings', measure: () => withCluster(measurePairing) },
  { name: 'stale entries and killed nodes', measure: () => withCluster(measureDeadNodes, 'debug') },
  { name: 'black holes and partitions', measure: measurePartitions },
  { name: 'a newcomer', measure: async () => [await measureNewcomer()] },
  { name: 'memory', measure: async () => [await memoryRow()] },
  { name: '50 nodes', measure: async () => [await manyRow()] },
];

const { values: options } = parseArgs({ options: { json: { type: 'string' } } });
await measureParts({
  benchmark: 'cluster',
  table: TABLE,
  parts: PARTS,
  endMs: END_MS,
  json: options.json,
});

async function withCluster(
  measure: (cluster: RelayCluster) => Promise<Row[]>,
  logLevel: LogLevel = 'info',
): Promise<Row[]> {
  const cluster = await RelayCluster.start({ logLevel });
  try {
    return await measure(cluster);
  } finally {
    await cluster.stop();
  }
}

async function memoryRow(): Promise<Row> {
  const { heldBytes, learntBytes } = await costsOf('entries');
  return atMost({
    ...BARS.memory,
    measured: Math.max(heldBytes, learntBytes),
    more: `at the node that holds it ${rounded(heldBytes)}, at the others ${rounded(learntBytes)}`,
    how: 'one directory in a process of its own, heap after a full collection with 100,000 entries against none',
    values: { held_bytes: heldBytes, learnt_bytes: learntBytes },
  });
}

async function manyRow(): Promise<Row> {
  const { messages, gossip, settledMs, converged } = await costsOf({ seconds: SIMULATED_SECONDS });
  const { what, bar } = BARS.many;
  return {
    what,
    bar: barOf(what),
    measured: `${converged ? `equal ${settledMs} ms after the last change` : 'not equal'}; ${withUnit(BARS.many, messages)} (${rounded(gossip)} of them gossip entries)`,
    met: converged && messages <= bar,
    how: `the real directories on the simulated network of the tests, ${SIMULATED_SECONDS} s of virtual time from a fixed seed, the busiest node; copies of an entry that libp2p drops unread are not counted`,
    values: { messages_per_second: messages, gossip_per_second: gossip, settled_ms: settledMs },
  };
}

function costsOf<T extends CostsTask>(measure: T): Promise<CostsAnswer<T>> {
  return ask('./directory-costs.ts', { measure });
}
