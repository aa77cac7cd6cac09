/** What real processes write down when they are asked to, and that the look at their lines finds what should not be there. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parseProxyHeader } from '../../src/net/door/proxy-header.ts';
import { infoHashOfCertificate } from '../../src/pki/info-hash.ts';
import { makePki } from '../support/certificates.ts';
import { ProcessCluster, pathOf } from '../support/cluster-processes.ts';
import { takeLeaks } from '../support/log-leaks.ts';
import { type BeaconProcess, type LogLine, makePkiDirectory, startBeacon } from '../support/processes.ts';
import { startStore } from '../support/store.ts';
import { ask, digest, HOST, startAll } from '../support/tunnel-processes.ts';
import { acceptOffer } from '../support/wire-client.ts';

/** Each client of these tests has a loopback address of its own. */
const LOOPBACK = expect.stringMatching(/^127\./);

const isRecord =
  (name: string) =>
  (line: LogLine): boolean =>
    line['record'] === name;

describe('the look at every line', () => {
  it.each(['192.0.2.7:443 said so', 'ab'.repeat(32), 'connect ECONNREFUSED ::1:443'])(
    'finds %j in a line that a process wrote past its log',
    async (msg) => {
      const files = await makePkiDirectory();
      onTestFinished(() => files.remove());
      const code = `process.stderr.write(${JSON.stringify(`${JSON.stringify({ level: 'info', msg })}\n`)})`;
      const nodeFlags = ['--import', `data:text/javascript,${encodeURIComponent(code)}`];
      const relay = await startBeacon(files.relayArgs(), { nodeFlags });
      await relay.stop();
      expect(takeLeaks().join()).toContain(msg);
    },
  );

  it('sees lines of every level', async () => {
    const files = await makePkiDirectory();
    onTestFinished(() => files.remove());
    const relay = await startBeacon(files.relayArgs());
    const socket = await ask(relay.port, 'no TLS at all');
    await relay.waitFor(({ level, msg }) => level === 'debug' && msg === 'a connection came to nothing');
    socket.destroy();
    await relay.stop();
  });
});

describe('the connection log', () => {
  let cluster: ProcessCluster;

  beforeAll(async () => {
    const more = ['--connection-log', '--connection-log-fields', 'peer,info_hash'];
    cluster = await ProcessCluster.start({ names: ['a', 'b'], more });
  });
  afterAll(() => cluster?.remove());

  it('has a record of a forward at each of its nodes, by one pair id', async () => {
    const { pki } = cluster.files;
    await cluster.pairs('a', 'b', pki);
    const [origin, holder] = await Promise.all(
      ['a', 'b'].map((name) => cluster.node(name).waitFor(isRecord('splice'))),
    );
    const info_hash = infoHashOfCertificate(pki.bridgeCa.der);
    const both = { level: 'info', msg: 'a splice ended', path: 'a, b', info_hash, bytesFromBroker: 8 };
    expect(origin).toMatchObject({ ...both, role: 'origin', node: 'a', peer: { broker: LOOPBACK } });
    expect(holder).toMatchObject({ ...both, role: 'holder', node: 'b', peer: { bridge: LOOPBACK } });
    expect(origin?.['pairId']).toMatch(/^[\da-f]{32}$/);
    expect(holder?.['pairId']).toBe(origin?.['pairId']);
  });

  it('has a record of a splice within one node', async () => {
    const from = cluster.node('a').lines.length;
    const pki = makePki({ fresh: true });
    const [bridge, broker] = await Promise.all([cluster.park('a', pki), cluster.connect('a', pki)]);
    await acceptOffer(bridge, 'answer');
    await pathOf(broker);
    for (const client of [bridge, broker]) client.reset();
    const local = await cluster.node('a').waitFor(isRecord('splice'), { from });
    expect(local).toMatchObject({ role: 'local', path: 'a', peer: { broker: LOOPBACK, bridge: LOOPBACK } });
    expect(Date.parse(String(local['time']))).toBeGreaterThanOrEqual(Date.parse(String(local['start'])));
  });
});

describe('without being asked', () => {
  it('a relay and a bridge write no record', async () => {
    const all = await startAll();
    onTestFinished(() => all.close());
    const client = await ask(all.broker.port, 'source 1000');
    await digest(client);
    client.end();
    for (const each of [all.broker, all.bridge, all.relay]) await each.stop();
    const lines = [all.broker, all.bridge, all.relay].flatMap((each) => each.lines);
    expect(lines.length).toBeGreaterThan(5);
    expect(lines.filter(({ record }) => record !== undefined)).toEqual([]);
  });
});

describe('a bridge', () => {
  async function behind(...more: readonly string[]): Promise<Record<'bridge' | 'broker', BeaconProcess>> {
    const files = await makePkiDirectory();
    const relay = await startBeacon(files.relayArgs());
    const bridge = await startBeacon(files.clientArgs('bridge', [relay.port], ...more));
    const listen = ['--listen', `${HOST}:0=vault`, '--listen', `${HOST}:0=nobody`];
    const args = files.clientArgs('broker', [relay.port], ...listen);
    const broker = await startBeacon(args);
    onTestFinished(async () => {
      await Promise.all([broker, bridge, relay].map((each) => each.kill()));
      await files.remove();
    });
    return { bridge, broker };
  }
  const portOf = ({ lines }: BeaconProcess, target: string): number =>
    Number(lines.find((line) => line['target'] === target)?.['port']);

  it('with --stream-log says which broker had what', async () => {
    const store = await startStore();
    onTestFinished(() => store.close());
    const { bridge, broker } = await behind('--vault-addr', `tcp://${HOST}:${store.port}`, '--stream-log');
    const client = await ask(portOf(broker, 'vault'), 'source 1000');
    expect(await digest(client)).toMatchObject({ bytes: 1_000 });
    client.end();
    const served = await bridge.waitFor(isRecord('stream'));
    const fingerprint = createHash('sha256').update(makePki().broker.der).digest('hex');
    const bytes = { bytesFromBroker: 'source 1000\n'.length, bytesFromTarget: 1_000 };
    expect(served).toMatchObject({ broker: fingerprint, target: 'vault', outcome: 'ended', ...bytes });
    const other = await ask(portOf(broker, 'nobody'), 'hello');
    onTestFinished(() => void other.destroy());
    const refused = await bridge.waitFor(({ outcome }) => outcome === 'unknownTarget');
    expect(refused).toMatchObject({ record: 'stream', broker: fingerprint, target: 'nobody' });
  });

  it('with --target-proxy-protocol names the client to the store, as the broker saw it', async () => {
    const first = Promise.withResolvers<Buffer>();
    const server = createServer((socket) => {
      let bytes = Buffer.alloc(0);
      socket
        .on('error', () => {})
        .on('data', (chunk: Buffer) => {
          bytes = Buffer.concat([bytes, chunk]);
          if (bytes.includes('\n', 16)) first.resolve(bytes);
        });
    });
    server.listen(0, HOST);
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const { broker } = await behind('--vault-addr', `tcp://${HOST}:${port}`, '--target-proxy-protocol');
    const client = await ask(portOf(broker, 'vault'), 'hello');
    onTestFinished(() => void client.destroy());
    const bytes = await first.promise;
    const header = parseProxyHeader(bytes);
    expect(header).toMatchObject({
      kind: 'complete',
      source: { kind: 'client', address: HOST, port: client.localPort },
    });
    expect(header.kind === 'complete' && bytes.toString('latin1', header.length)).toBe('hello\n');
    // Section 2.2: the destination's port is the last of the header.
    expect(bytes.readUInt16BE(26)).toBe(portOf(broker, 'vault'));
  });
});
