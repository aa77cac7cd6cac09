/** Real relays in two zones, a bridge and a broker: the legs of a tunnel get into different zones as soon as they can. */
import { expect, it, onTestFinished } from 'vitest';
import { ProcessCluster } from '../support/cluster-processes.ts';
import { freePorts } from '../support/ports.ts';
import { startBeacon } from '../support/processes.ts';
import { startStore } from '../support/store.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { HOST } from '../support/tunnel-processes.ts';

const TWO_LEGS = 'a tunnel has two legs that share no node';

it('two legs in one zone count, and move apart once a relay in another one can be reached', {
  timeout: 60_000,
}, async () => {
  const cluster = await ProcessCluster.start({ zones: { a: 'zone-1', b: 'zone-1', c: 'zone-2' } });
  onTestFinished(() => cluster.remove());
  const store = await startStore();
  onTestFinished(() => store.close());
  const { files } = cluster;
  const [a, b, c] = [cluster.port('a'), cluster.port('b'), cluster.port('c')];
  const vault = ['--vault-addr', `tcp://${HOST}:${store.port}`, '--log-level', 'debug'];
  const bridge = await startBeacon(files.clientArgs('bridge', [a, b, c], ...vault));
  onTestFinished(() => void bridge.kill());
  // With a park at each of them no leg has to cross two.
  for (const node of ['a', 'b', 'c']) await bridge.waitFor((line) => line['node'] === node);
  const [nobody = 0] = await freePorts(1);
  const proxy = await TcpProxy.start(nobody);
  const broker = await startBeacon(files.clientArgs('broker', [a, b, proxy.port]));
  onTestFinished(() => void broker.kill());

  const before = await broker.waitFor(TWO_LEGS);
  expect(before).toMatchObject({ zone: 'zone-1; zone-1' });
  proxy.target = c;
  const after = await broker.waitFor(TWO_LEGS, { from: broker.lines.indexOf(before) + 1 });
  expect(String(after['zone']).split('; ').toSorted()).toEqual(['zone-1', 'zone-2']);
  expect(String(after['path']).split('; ')).toContain('c');
});
