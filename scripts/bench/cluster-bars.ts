/** The ten bars of `bench:cluster`, in the order of its table. */
import { barText, type Limit } from './report.ts';

export const BARS = {
  advert: { what: 'advert seen on every node after PARKED', bar: 200, unit: 'ms', of: 'p99' },
  waiting: {
    what: 'waiting broker paired after a bridge parks on another node',
    bar: 250,
    unit: 'ms',
    of: 'p99',
  },
  crossing: {
    what: 'cross-node pairing against local pairing, both warm',
    bar: 5,
    unit: 'ms more',
    of: 'p50',
  },
  killed: {
    what: 'node killed (SIGKILL): its entries gone on the others',
    bar: 1_000,
    unit: 'ms',
    of: 'worst',
  },
  blackHole: {
    what: 'node black-holed (packets dropped, nothing closed): gone',
    bar: 4_000,
    unit: 'ms',
    of: 'worst',
  },
  healed: { what: 'partition healed: directories equal on all nodes', bar: 3_000, unit: 'ms', of: 'worst' },
  newcomer: {
    what: 'a new node with 100,000 entries in the cluster: complete',
    bar: 5_000,
    unit: 'ms',
    of: 'worst',
  },
  /** The second half of the row above. */
  delay: { what: 'gossip of others meanwhile', bar: 500, unit: 'ms', of: 'worst' },
  stale: { what: 'stale entry', bar: 300, unit: 'ms more', of: 'worst' },
  memory: { what: 'memory of an entry at 100,000 entries', bar: 350, unit: 'bytes of heap' },
  many: {
    what: '50 nodes in the simulator, 1,000 changes a second',
    bar: 300,
    unit: 'messages received per node per second',
  },
} as const satisfies Readonly<Record<string, Limit>>;

/** The rows of the table, each with its bar as people read it. */
export const TABLE: readonly { readonly what: string; readonly bar: string }[] = [
  ...[BARS.advert, BARS.waiting, BARS.crossing, BARS.killed, BARS.blackHole, BARS.healed].map(simple),
  {
    what: BARS.newcomer.what,
    bar: `${barText(BARS.newcomer)}; ${BARS.delay.what} ${barText(BARS.delay)}`,
  },
  { what: BARS.stale.what, bar: `one retry, ${barText(BARS.stale)}, no error to the client` },
  simple(BARS.memory),
  { what: BARS.many.what, bar: `converge; ${barText(BARS.many)}` },
];

/** The bar of the row `what`, as the table has it. */
export function barOf(what: string): string {
  return TABLE.find((row) => row.what === what)?.bar ?? '';
}

function simple(limit: Limit): { what: string; bar: string } {
  return { what: limit.what, bar: barText(limit) };
}
