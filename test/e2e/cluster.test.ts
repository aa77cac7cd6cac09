/** Three real relays as one. Every test has broker and bridge on different nodes, here and in cluster-*.test.ts. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePki } from '../support/certificates.ts';
import { ProcessCluster, pathOf } from '../support/cluster-processes.ts';
import { startBeacon } from '../support/processes.ts';
import { pour, sourceHash, startStore } from '../support/store.ts';
import { acceptOffer, cutClients } from '../support/wire-client.ts';

let cluster: ProcessCluster;

beforeAll(async () => {
  cluster = await ProcessCluster.start();
});
afterAll(async () => {
  cutClients();
  await cluster.remove();
});

/** A broker at a and a bridge at b, paired. */
async function pairUp() {
  const pki = makePki({ fresh: true });
  const bridge = await cluster.park('b', pki);
  const broker = await cluster.connect('a', pki);
  await acceptOffer(bridge);
  expect(await pathOf(broker)).toBe('a-b');
  return { bridge, broker };
}

describe.concurrent('a cluster', () => {
  describe('a broker and a bridge on different nodes', () => {
    it('are paired when the bridge came first, without a wait', async () => {
      const pki = makePki({ fresh: true });
      const instance = Buffer.alloc(16, 7);
      const bridge = await cluster.park('b', pki, instance);
      await cluster.knows('a', 'b', pki, instance);
      const broker = await cluster.connect('a', pki);
      const pairId = await acceptOffer(bridge);
      const path = ['a', 'b'].map((node) => ({ node, zone: `zone-${node}` }));
      expect(await broker.frame()).toEqual({ type: 'paired', pairId, bridge: instance, path });
    });

    it('are paired when the broker came first', async () => {
      const pki = makePki({ fresh: true });
      const broker = await cluster.connect('c', pki);
      await broker.expect('waiting');
      const bridge = await cluster.park('a', pki);
      const pairId = await acceptOffer(bridge);
      expect(await broker.expect('paired')).toMatchObject({
        pairId,
        path: [{ node: 'c' }, { node: 'a' }],
      });
    });

    it('exchange early bytes, bytes, and their ends one after the other', async () => {
      const pki = makePki({ fresh: true });
      const bridge = await cluster.park('b', pki);
      const broker = await cluster.connect('a', pki);
      broker.send('early, ');
      await acceptOffer(bridge, 'at once');
      expect(await pathOf(broker)).toBe('a-b');
      expect(await broker.opaque(7)).toBe('at once');
      broker.send('and late');
      broker.end();
      expect(await bridge.opaque(15)).toBe('early, and late');
      expect(await bridge.ended).toBe('end');
      const long = 'answer '.repeat(100_000);
      bridge.send(long);
      bridge.end();
      expect(await broker.opaque(long.length)).toBe(long);
      expect(await broker.ended).toBe('end');
    });

    it.each(['broker', 'bridge'] as const)('see a reset of the %s as a reset', async (who) => {
      const clients = await pairUp();
      const other = who === 'broker' ? 'bridge' : 'broker';
      clients[who].reset();
      expect(await clients[other].ended).toBe('reset');
    });
  });

  describe('a broker that chooses', () => {
    it('is sent to the node that holds the instance it wants', async () => {
      const pki = makePki({ fresh: true });
      const [one, two] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)];
      const bridges = [await cluster.park('b', pki, one), await cluster.park('c', pki, two)];
      for (const bridge of bridges) void acceptOffer(bridge).catch(() => {});
      await Promise.all([cluster.knows('a', 'b', pki, one), cluster.knows('a', 'c', pki, two)]);
      const wants = async (wanted: Buffer): Promise<string> =>
        pathOf(await cluster.connect('a', pki, { wanted }));
      expect([await wants(two), await wants(one)]).toEqual(['a-c', 'a-b']);
    });

    it('is sent to no node that it must avoid', async () => {
      const pki = makePki({ fresh: true });
      await cluster.park('b', pki);
      await cluster.knows('a', 'b', pki);
      const own = await cluster.connect('a', pki, { avoid: ['a'] });
      expect(await own.frame()).toMatchObject({ type: 'refused', code: 'avoided' });
      const none = await cluster.connect('a', pki, { avoid: ['b'] });
      expect(await none.frame()).toMatchObject({ type: 'refused', code: 'noBridge' });
      const other = Buffer.alloc(16, 3);
      const bridge = await cluster.park('c', pki, other);
      await cluster.knows('a', 'c', pki, other);
      const broker = await cluster.connect('a', pki, { avoid: ['b'] });
      await acceptOffer(bridge);
      expect(await pathOf(broker)).toBe('a-c');
    });

    it('is paired with no bridge of another info_hash, wherever that is parked', async () => {
      const [mine, theirs] = [makePki({ fresh: true }), makePki({ fresh: true })];
      await cluster.park('b', theirs);
      await cluster.knows('a', 'b', theirs);
      const broker = await cluster.connect('a', mine);
      await broker.expect('waiting');
      const bridge = await cluster.park('c', mine);
      await acceptOffer(bridge);
      expect(await pathOf(broker)).toBe('a-c');
    });
  });

  it('carries the streams of a real broker to a real bridge', async ({ onTestFinished }) => {
    const store = await startStore();
    const { files } = cluster;
    const bridge = await startBeacon(
      files.clientArgs('bridge', [cluster.port('c')], '--vault-addr', `tcp://127.0.0.1:${store.port}`),
    );
    const broker = await startBeacon(files.clientArgs('broker', [cluster.port('b')]));
    onTestFinished(async () => {
      await Promise.all([broker.kill(), bridge.kill()]);
      await store.close();
    });
    const bytes = 8 * 1_024 * 1_024;
    const client = connect({ host: '127.0.0.1', port: broker.port, allowHalfOpen: true });
    const answer = new Promise<string>((resolve, reject) => {
      let text = '';
      client.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      client.once('end', () => resolve(text)).once('error', reject);
    });
    client.write('sink\n');
    await pour(client, bytes);
    client.end();
    expect(await answer).toBe(`${bytes} ${sourceHash(bytes)}\n`);
  });
});
