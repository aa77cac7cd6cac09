/**
 * The demo: a secret and a large object through relays that can read nothing, with real processes on loopback. The
 * broker lands on one relay and the bridge is parked on the two others, so everything crosses two nodes. In the middle of
 * the second transfer the relay that serves it is killed.
 *
 *   npm run demo            runs, shows what happened, and leaves nothing behind
 *   npm run demo -- --keep  leaves everything running, and prints commands to try, until Ctrl-C
 */
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { look, mark } from './capture.ts';
import {
  type Child,
  type Daemon,
  DemoError,
  freePorts,
  runTool,
  startDaemon,
  startScript,
  stopAll,
} from './children.ts';
import { type Client, createClient } from './client.ts';
import { sendWithoutInnerTls } from './control.ts';
import { bytes, check, heading, line, milliseconds, row } from './screen.ts';
import { Stall } from './stall.ts';

const OBJECT_BYTES = 64 * 1_048_576;
const SECRET_PATH = '/v1/secret/data/demo';
const OBJECT_PATH = '/v1/objects/demo';

const keep = process.argv.includes('--keep');
const startedAt = performance.now();
const folder = mkdtempSync(join(tmpdir(), 'beacon-demo-'));
const file = (name: string): string => join(folder, name);
/** What the relay must never see. */
const secret = randomBytes(24).toString('base64url');
const token = randomBytes(24).toString('base64url');

interface Cast {
  readonly store: Child;
  readonly relays: readonly Relay[];
  readonly bridge: Child;
  readonly broker: Daemon;
  readonly controlHash: string;
}

interface Relay extends Daemon {
  readonly name: string;
  readonly zone: string;
  /** Folder with what it spliced. */
  readonly capture: string;
}

/** Each begins on the relay that is wanted one time in three. */
const BROKER_STARTS = 40;
/** Of the second transfer, before the relay that serves it is killed. */
const KILLED_AT = 1 / 4;
const ZONES = ['eu-1a', 'eu-1b', 'eu-1c'];

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    const clean = await leave();
    // The work that was interrupted has no more say.
    process.exit(clean && keep ? 0 : 1);
  });
}
try {
  await demo();
} catch (error) {
  line(`\n  The demo failed: ${error instanceof DemoError ? error.message : String((error as Error).stack)}`);
  process.exitCode = 1;
}
if ((!keep || process.exitCode === 1) && !(await leave())) process.exitCode = 1;

async function demo(): Promise<void> {
  heading('Beacon: a secret, through relays that can read nothing');
  const cast = await startCast();
  showCast(cast);
  const base = `http://127.0.0.1:${cast.broker.port}`;
  const client = await createClient(base, file('token.header'), token);
  await showLegs(cast);
  await move(cast, client);
  await inspect(cast);
  if (keep) return showCommands(base);
  line('');
}

async function startCast(): Promise<Cast> {
  writeFileSync(file('token'), token, { mode: 0o600 });
  writeFileSync(file('token.header'), `X-Vault-Token: ${token}\n`, { mode: 0o600 });
  await Promise.all([
    runTool(['certs', 'init', '--out', file('certs')]),
    // For the control at the end, which the broker of the demo must not take for another bridge.
    runTool(['certs', 'init', '--out', file('control')]),
    runTool(['certs', 'relay', '--host', '127.0.0.1', '--out', file('relay')]),
    // The store is any TLS server with a certificate for its address; the same tool makes one.
    runTool(['certs', 'relay', '--host', '127.0.0.1', '--out', file('store')]),
  ]);
  const hashOf = async (certs: string): Promise<string> =>
    (await runTool(['info-hash', file(`${certs}/bridge-ca.crt`)])).trim();
  const controlHash = await hashOf('control');
  writeFileSync(file('allowed'), `${await hashOf('certs')}  # the demo's bridge CA\n${controlHash}\n`);
  writeFileSync(file('cluster.secret'), `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  const [store, relays] = await Promise.all([
    startScript('store.ts', [file('store/relay.crt'), file('store/relay.key'), file('token')]),
    startRelays(),
  ]);
  const [first, ...others] = relays;
  if (!first) throw new DemoError('no relay runs');
  const bridge = await startDaemon(
    [
      'bridge',
      ...['--vault-addr', `https://127.0.0.1:${store.port}`, '--vault-ca', file('store/relay-ca.crt')],
      ...clientArguments('bridge', others),
    ],
    'parked at a relay',
  );
  return { store, relays, bridge, broker: await startBroker(relays, first), controlHash };
}

/** Brokers dial their relays in random order; this one is to begin on a relay where no bridge is parked. */
async function startBroker(relays: readonly Relay[], first: Relay): Promise<Daemon> {
  for (let times = 0; times < BROKER_STARTS; times += 1) {
    const broker = await startDaemon(
      ['broker', '--listen', '127.0.0.1:0', ...clientArguments('broker', relays)],
      'the broker is up',
    );
    const { path = '' } = await broker.says('a tunnel to the bridge is up');
    if (path.startsWith(first.name)) return broker;
    await broker.stop();
  }
  throw new DemoError(`no broker of ${BROKER_STARTS} dialled ${first.name} first`);
}

/** Three relays in three zones, joined to one cluster. Each writes what it splices to a folder of its own. */
async function startRelays(): Promise<Relay[]> {
  const ports = await freePorts(ZONES.length);
  const nodes = ZONES.map((zone, index) => ({ name: `relay-${index + 1}`, zone, gossip: ports[index] ?? 0 }));
  const peers = nodes.map(({ name, gossip }) => `${name}=127.0.0.1:${gossip}`).join(',');
  return Promise.all(
    nodes.map(async ({ name, zone, gossip }) => {
      const capture = file(`capture/${name}`);
      mkdirSync(capture, { recursive: true });
      const child = await startDaemon(
        [
          capture,
          ...['--addr', '127.0.0.1:0', '--node-name', name, '--zone', zone, '--allow-file', file('allowed')],
          ...['--tls-cert', file('relay/relay.crt'), '--tls-key', file('relay/relay.key')],
          ...['--cluster-peer', peers, '--cluster-secret-file', file('cluster.secret')],
          ...['--cluster-addr', `127.0.0.1:${gossip}`, '--forward-addr', '127.0.0.1:0'],
        ],
        'the relay is up',
        'relay.ts',
      );
      return { ...child, name, zone, capture };
    }),
  );
}

function clientArguments(role: 'bridge' | 'broker', relays: readonly Relay[]): string[] {
  const addresses = relays.map(({ port }) => `127.0.0.1:${port}`).join(',');
  return [
    ...['--beacon-address', addresses, '--beacon-ca', file('relay/relay-ca.crt')],
    ...['--tls-cert', file(`certs/${role}.crt`), '--tls-key', file(`certs/${role}.key`)],
    ...['--tls-ca', file('certs/bridge-ca.crt')],
  ];
}

function showCast({ store, relays, bridge, broker }: Cast): void {
  heading('What runs where');
  row('store', `https://127.0.0.1:${store.port}`, 'a stand-in for OpenBao, KV version 2', store.pid);
  row('bridge', 'listens nowhere', 'beside the store; parked at relay-2 and relay-3', bridge.pid);
  for (const { name, port, zone, pid } of relays) row(name, `127.0.0.1:${port}`, `zone ${zone}`, pid);
  row('broker', `http://127.0.0.1:${broker.port}`, 'beside the workloads; dials all three', broker.pid);
}

async function showLegs({ broker }: Cast): Promise<void> {
  const { path = '' } = await broker.says('a tunnel has two legs that share no node');
  heading('How broker and bridge are joined');
  check(true, `two legs that share no node: ${path}`);
}

async function move({ relays: [first] }: Cast, client: Client): Promise<void> {
  if (!first) return;
  heading(`What was sent: ${client.name} -> broker -> ${first.name} -> relay-2 or 3 -> bridge -> store`);
  const written = await timed(() => client.json('POST', SECRET_PATH, { data: { password: secret } }));
  check(true, 'a secret was written', milliseconds(written.ms));
  const answer = await timed(() => client.json('GET', SECRET_PATH));
  check(JSON.stringify(answer.value).includes(secret), 'and read back, the same', milliseconds(answer.ms));

  const object = randomBytes(OBJECT_BYTES);
  const sent = createHash('sha256').update(object).digest('hex');
  writeFileSync(file('object'), object);
  const up = await timed(() => client.upload(OBJECT_PATH, file('object')));
  check(true, `${bytes(OBJECT_BYTES)} up`, milliseconds(up.ms));
  const stall = new Stall();
  const down = await timed(() =>
    client.download(OBJECT_PATH, (total) => {
      stall.bytes();
      if (total < KILLED_AT * OBJECT_BYTES || stall.isMeasured) return;
      first.kill();
      stall.measure();
    }),
  );
  check(
    down.value === sent,
    `${bytes(OBJECT_BYTES)} down, equal SHA-256 ${sent.slice(0, 12)}...`,
    milliseconds(down.ms),
  );
  check(
    stall.isMeasured,
    `${first.name} was killed (SIGKILL) in the middle of it; the longest stall:`,
    milliseconds(stall.longestMs),
  );
}

async function inspect({ relays, controlHash }: Cast): Promise<void> {
  heading('What the relays could see of it');
  let all = 0;
  for (const { name, capture } of relays) {
    const { bytes: count, hits } = await look(capture, secret, [0, 0], await mark(capture));
    all += count;
    const where = count === 0 ? 'nothing crossed it' : 'its own TLS taken off: the secret is not in them';
    check(hits === 0, `${name}: ${bytes(count)} spliced, ${where}`);
  }
  check(all > 2 * OBJECT_BYTES, 'both objects crossed them in full');
  // The first one is gone.
  const [, second, last] = relays;
  if (!second || !last) return;
  const before = await mark(second.capture);
  await sendWithoutInnerTls({
    brokerPort: second.port,
    bridgePort: last.port,
    relayCa: file('relay/relay-ca.crt'),
    infoHash: controlHash,
    bridge: pair('bridge'),
    broker: pair('broker'),
    message: JSON.stringify({ data: { password: secret } }),
  });
  const control = await look(second.capture, secret, before, await mark(second.capture));
  check(
    control.hits > 0,
    'control: the same secret over a leg without inner TLS is found by the same search',
  );
}

function pair(role: string): { cert: string; key: string; ca: string } {
  return {
    cert: file(`control/${role}.crt`),
    key: file(`control/${role}.key`),
    ca: file('control/bridge-ca.crt'),
  };
}

function showCommands(base: string): void {
  chmodSync(folder, 0o700);
  heading('Try it; Ctrl-C ends everything');
  const header = `-H @${file('token.header')}`;
  line(`    curl ${header} ${base}${SECRET_PATH}`);
  line(`    curl ${header} -d '{"data":{"hello":"world"}}' ${base}/v1/secret/data/mine`);
  line(`    curl ${header} -o object.bin ${base}${OBJECT_PATH}`);
  line('');
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const from = performance.now();
  const value = await work();
  return { value, ms: performance.now() - from };
}

/** Ends everything that was started; false when something did not end by itself. */
async function leave(): Promise<boolean> {
  const killed = await stopAll();
  rmSync(folder, { recursive: true, force: true });
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  line(
    killed === 0
      ? `  Done in ${seconds} s; nothing is left running.`
      : `  ${killed} processes had to be killed.`,
  );
  return killed === 0;
}
