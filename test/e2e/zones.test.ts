/** Real relays in two zones, a bridge and a broker: the legs of a tunnel get into different zones as soon as they can. */
import { expect, it, onTestFinished } from 'vitest';
import { makePki } from '../support/certificates.ts';
import { ProcessCluster } from '../support/cluster-processes.ts';
import { freePorts } from '../support/ports.ts';
import { startBeacon } from '../support/processes.ts';
import { startStore } from '../support/store.ts';
import { HOST, until } from '../support/tunnel-processes.ts';
import { acceptOffer } from '../support/wire-client.ts';

const ZONES = { a: 'zone-1', b: 'zone-1', c: 'zone-2' };
const TWO_LEGS = 'a tunnel has two legs that share no node';

it('two legs in one zone count, and move apart once there is a relay in another', {
  timeout: 120_000,
}, async () => {
  const cluster = await ProcessCluster.start({ names: ['a', 'b'], expected: ['c'], zones: ZONES });
  onTestFinished(() => cluster.remove());
  const store = await startStore();
  onTestFinished(() => store.close());
  const { files } = cluster;
  const [clientPort = 0] = await freePorts(1);
  const ports = [cluster.port('a'), cluster.port('b'), clientPort];
  const bridge = await startBeacon(
    files.clientArgs('bridge', ports, '--vault-addr', `tcp://${HOST}:${store.port}`),
  );
  onTestFinished(() => void bridge.kill());
  const broker = await startBeacon(files.clientArgs('broker', ports));
  onTestFinished(() => void broker.kill());
  const told = () => broker.lines.filter(({ msg }) => msg === TWO_LEGS);
  const zones = () => told().map((line) => String(line['zone']).split('; '));

  await broker.waitFor(TWO_LEGS);
  expect(zones()).toEqual([['zone-1', 'zone-1']]);
  await cluster.startNode('c', { clientPort });
  // Longer than one line may take elsewhere: what does not answer is tried again after ever longer pauses.
  await until(() => zones().length > 1);
  expect(zones()[1]?.toSorted()).toEqual(['zone-1', 'zone-2']);
  expect(String(told()[1]?.['path']).split('; ')).toContain('c');
});

it('PAIRED names the zones of the node and of the holder', { timeout: 60_000 }, async () => {
  const cluster = await ProcessCluster.start({ names: ['a', 'c'], zones: ZONES });
  onTestFinished(() => cluster.remove());
  const pki = makePki({ fresh: true });
  const [bridge, broker] = await Promise.all([cluster.park('c', pki), cluster.connect('a', pki)]);
  const path = [
    { node: 'a', zone: 'zone-1' },
    { node: 'c', zone: 'zone-2' },
  ];
  await acceptOffer(bridge, 'answer');
  let frame = await broker.frame();
  while (frame.type === 'waiting') frame = await broker.frame();
  expect(frame).toMatchObject({ type: 'paired', path });
  for (const client of [bridge, broker]) client.reset();
});
