/**
 * What the directory costs, without any network: heap per entry, a pull of everything, and a large cluster on the
 * simulated network of the tests. Prints one row a bar; exits with 1 when one is missed.
 *
 *   node scripts/bench-directory.ts [--json FILE]
 */
import { parseArgs } from 'node:util';
import { measureCluster, measureEntries } from './bench/directory.ts';
import { atMost, finish, type Row } from './bench/report.ts';

/** Of virtual time. */
const SECONDS = 20;

const { values } = parseArgs({ options: { json: { type: 'string' } } });
finish('directory', [...entryRows(), ...clusterRows()], values.json);

function entryRows(): Row[] {
  const { heldBytes, learntBytes, pullMs, longestStepMs } = measureEntries();
  const heap = { bar: 350, unit: 'bytes', how: 'heap after a full collection, 100,000 entries against none' };
  const pull = { unit: 'ms', how: 'encoding and applying every page, no network between' };
  return [
    atMost({ what: 'heap an entry, learnt from another node', measured: learntBytes, ...heap }),
    atMost({ what: 'heap an entry, held by this node', measured: heldBytes, ...heap }),
    atMost({ what: 'pull of 100,000 entries, both ends', bar: 1_000, measured: pullMs, ...pull }),
    atMost({ what: 'longest step of it without a yield', bar: 50, measured: longestStepMs, ...pull }),
  ];
}

function clusterRows(): Row[] {
  const { messages, gossip, settledMs, doubts } = measureCluster(SECONDS);
  const name = '50 nodes, 1,000 changes a second';
  const rate = { bar: 300, unit: 'a second', how: `busiest node, ${SECONDS} s of virtual time` };
  const end = { how: 'every directory compared with what each node holds' };
  return [
    atMost({ what: `${name}: all messages a node receives`, measured: messages, ...rate }),
    atMost({ what: `${name}: gossip entries among them`, measured: gossip, ...rate }),
    atMost({
      what: `${name}: all equal after the last change`,
      bar: 1_000,
      measured: settledMs,
      unit: 'ms',
      ...end,
    }),
    atMost({ what: `${name}: digests that did not match`, bar: 0, measured: doubts, unit: '', ...end }),
  ];
}
