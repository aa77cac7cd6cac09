/** Three real relays, a bridge and a broker: whichever node dies, nobody notices. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { ProcessCluster } from '../support/cluster-processes.ts';
import { type BeaconProcess, type LogLine, startBeacon } from '../support/processes.ts';
import { type Store, sourceHash, startStore } from '../support/store.ts';
import { download, HOST } from '../support/tunnel-processes.ts';

const BYTES = 32 * 1_024 * 1_024;
const NAMES = ['a', 'b', 'c'] as const;
const TWO_LEGS = 'a tunnel has two legs that share no node';

let cluster: ProcessCluster;
let store: Store;
let bridge: BeaconProcess;
let broker: BeaconProcess;

beforeAll(async () => {
  cluster = await ProcessCluster.start({ names: NAMES });
  store = await startStore();
  const ports = NAMES.map((name) => cluster.port(name));
  const { files } = cluster;
  const vault = ['--vault-addr', `tcp://${HOST}:${store.port}`];
  bridge = await startBeacon(files.clientArgs('bridge', ports, ...vault, '--log-level', 'debug'));
  broker = await startBeacon(files.clientArgs('broker', ports, '--log-level', 'debug'));
  await broker.waitFor(TWO_LEGS);
}, 60_000);

afterAll(async () => {
  await Promise.all([broker?.kill(), bridge?.kill()]);
  await store?.close();
  await cluster?.remove();
});

/** The paths of the two legs that were there last. */
function legs(): string[][] {
  const line = broker.lines.findLast(({ msg }) => msg === TWO_LEGS) as
    | (LogLine & { path: string })
    | undefined;
  return (line?.path ?? '').split('; ').map((path) => path.split(', '));
}

it('starts with two legs that share no node', () => {
  const [one = [], other = []] = legs();
  expect(one.filter((node) => other.includes(node))).toEqual([]);
  expect(one.length + other.length).toBeGreaterThan(1);
});

it.each(NAMES)(
  'node %s is killed in the middle of a transfer: every byte arrives, once and in order',
  async (name) => {
    const seen = broker.lines.length;
    const { port } = cluster.node(name);
    const crossed = legs().some((path) => path.includes(name));
    const { done } = await download(broker.port, BYTES, 1 / 4);
    await cluster.node(name).kill();
    expect(await done).toEqual({ bytes: BYTES, sha256: sourceHash(BYTES) });
    await cluster.startNode(name, { clientPort: port });
    // Whoever lost a leg builds another one.
    if (crossed) await broker.waitFor(TWO_LEGS, { from: seen });
  },
  60_000,
);
