/** Bridge and broker behind an egress proxy, and two targets through one tunnel: real processes. */
import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ConnectProxy, type ConnectProxyOptions } from '../support/connect-proxy.ts';
import { freePorts } from '../support/ports.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  runBeacon,
  type StartOptions,
  startBeacon,
} from '../support/processes.ts';
import { type Store, sourceHash, startStore } from '../support/store.ts';
import { ask, digest, HOST, visit } from '../support/tunnel-processes.ts';

const UP = 'a tunnel to the bridge is up';
const SECRET = 'hunter2';
const LARGE_BYTES = 16 * 1_024 * 1_024;

let pki: PkiDirectory;
let relay: BeaconProcess;
let store: Store;
let other: Store;
const running: BeaconProcess[] = [];
const proxies: ConnectProxy[] = [];

beforeAll(async () => {
  pki = await makePkiDirectory();
  [relay, store, other] = await Promise.all([startBeacon(pki.relayArgs()), startStore(), startStore()]);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.kill()));
  await Promise.all(proxies.splice(0).map((each) => each.close()));
});
afterAll(async () => {
  await relay.kill();
  await Promise.all([store.close(), other.close()]);
  await pki.remove();
});

async function start(
  role: 'bridge' | 'broker',
  flags: readonly string[],
  options: StartOptions = {},
): Promise<BeaconProcess> {
  const started = await startBeacon(pki.clientArgs(role, [relay.port], ...flags), options);
  running.push(started);
  return started;
}

const vault = (): string[] => ['--vault-addr', `tcp://${HOST}:${store.port}`];

async function startProxy(options: ConnectProxyOptions = {}): Promise<ConnectProxy> {
  const proxy = await ConnectProxy.start(options);
  proxies.push(proxy);
  return proxy;
}

async function echo(port: number): Promise<string> {
  const { socket, seen } = await visit(port, 'echo');
  socket.end('hello');
  await seen.ended;
  return seen.bytes.toString();
}

describe('two targets', () => {
  it('through one tunnel, and a third that the bridge does not serve is named in both logs', async () => {
    const bridge = await start('bridge', [...vault(), '--target', `db=tcp://${HOST}:${other.port}`]);
    const [db = 0, cache = 0] = await freePorts(2);
    // Added to the one that clientArgs gives, which leads to vault.
    const broker = await start('broker', [
      ...['--listen', `${HOST}:${db}=db`],
      ...['--listen', `${HOST}:${cache}=cache`],
    ]);
    await broker.waitFor(UP);
    store.forget();
    other.forget();
    expect(await echo(broker.port)).toBe('hello');
    expect([store.visits.length, other.visits.length]).toEqual([1, 0]);
    expect(await echo(db)).toBe('hello');
    expect([store.visits.length, other.visits.length]).toEqual([1, 1]);
    const { seen } = await visit(cache, 'echo');
    await seen.closed;
    expect(seen.events).toEqual(['error:ECONNRESET', 'close']);
    const refused = await broker.waitFor(({ level, code }) => level === 'warn' && code === 'unknownTarget');
    expect(refused).toMatchObject({
      target: 'cache',
      msg: 'the bridge refused a stream (unknownTarget): it serves no target of that name; compare --listen here with --target there',
    });
    expect((await bridge.waitFor(/the target cache/)).level).toBe('warn');
    expect(broker.lines.filter(({ msg }) => msg === UP)).toHaveLength(1);
  });
});

describe('an egress proxy', () => {
  it('carries bridge and broker, by flag and by variable, with the password from file and URL', async () => {
    const proxy = await startProxy({ credentials: `me:${SECRET}` });
    const file = pki.file('proxy-password');
    writeFileSync(file, `${SECRET}\n`, { mode: 0o600 });
    const byFlag = ['--proxy', `http://me@${HOST}:${proxy.port}`, '--proxy-password-file', file];
    const byVariable = { HTTPS_PROXY: `http://me:${SECRET}@${HOST}:${proxy.port}`, NO_PROXY: '10.0.0.0/8' };
    const debug = ['--log-level', 'debug'];
    // NO_PROXY is of no effect beside --proxy.
    const bridge = await start('bridge', [...vault(), ...byFlag, ...debug], { env: { NO_PROXY: '*' } });
    const broker = await start('broker', debug, { env: byVariable });
    await broker.waitFor(UP);
    expect(await echo(broker.port)).toBe('hello');
    const large = await digest(await ask(broker.port, `source ${LARGE_BYTES}`));
    expect(large).toEqual({ bytes: LARGE_BYTES, sha256: sourceHash(LARGE_BYTES) });
    expect(proxy.asked.length).toBeGreaterThanOrEqual(2);
    expect(new Set(proxy.asked)).toEqual(new Set([`CONNECT ${HOST}:${relay.port} HTTP/1.1`]));
    expect(new Set(proxy.answered)).toEqual(new Set([200]));
    expect(JSON.stringify([bridge.lines, broker.lines])).not.toContain(SECRET);
  });

  it('is not used where NO_PROXY says so', async () => {
    const proxy = await startProxy();
    const env = { https_proxy: `http://${HOST}:${proxy.port}`, no_proxy: `other.example,${HOST}/32` };
    await start('bridge', vault(), { env });
    const broker = await start('broker', [], { env });
    await broker.waitFor(UP);
    expect(proxy.asked).toEqual([]);
  });

  it('says what is wrong with the password, and shows neither that nor its encoding', async () => {
    const proxy = await startProxy({ credentials: 'me:right' });
    const none = await start('broker', ['--proxy', `http://${HOST}:${proxy.port}`]);
    expect(await none.waitFor(/wants a user and a password/)).toMatchObject({ code: 'unreachable' });
    const args = ['--proxy', `http://me@${HOST}:${proxy.port}`, '--log-level', 'debug'];
    const wrong = await start('broker', args, { env: { BEACON_PROXY_PASSWORD: SECRET } });
    const line = await wrong.waitFor(/refuses the user or the password/);
    expect(line.msg).toMatch(/^the proxy refuses/);
    expect(JSON.stringify(wrong.lines)).not.toMatch(/hunter2|bWU6/);
    expect(new Set(proxy.answered)).toEqual(new Set([407]));
  });

  it('is refused at start with a password in the flag', async () => {
    const url = `http://me:${SECRET}@${HOST}:3128`;
    const { code, error } = await runBeacon(pki.clientArgs('broker', [relay.port], '--proxy', url));
    expect(code).toBe(2);
    expect(error).toContain('--proxy-password-file');
    expect(error).not.toContain(SECRET);
  });
});
