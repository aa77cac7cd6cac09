/**
 * What goes wrong at people's sites, made to go wrong with real processes: each case must say what it is and what to do. The
 * lines are those that docs/troubleshooting.md quotes, word for word, so that neither can change without the other.
 */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makePki } from '../support/certificates.ts';
import { startLegProxy } from '../support/leg-proxy.ts';
import { freePorts } from '../support/ports.ts';
import {
  type BeaconProcess,
  type LogLine,
  makePkiDirectory,
  type PkiDirectory,
  runBeacon,
  startBeacon,
} from '../support/processes.ts';
import { startStore } from '../support/store.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { ask, HOST, visit } from '../support/tunnel-processes.ts';

const UP = 'a tunnel to the bridge is up';

/** Lines that the page quotes: what stands in its blocks of text, one a line. */
const QUOTED: ReadonlySet<string> = new Set(
  [...readFileSync('docs/troubleshooting.md', 'utf8').matchAll(/^```text\n((?:[^`].*\n)+)```$/gm)].flatMap(
    ([, block = '']) => block.trimEnd().split('\n'),
  ),
);
/** Those that a case of this file has seen. */
const seen = new Set<string>();

let files: PkiDirectory;
/** Certificates of somebody else's bridge CA. */
let others: PkiDirectory;
let relay: BeaconProcess;
const running: BeaconProcess[] = [];

beforeAll(async () => {
  [files, others] = await Promise.all([makePkiDirectory(), makePkiDirectory(makePki({ fresh: true }))]);
  // Whoever is listed is not held to the rate of a stranger: all cases come from one address.
  relay = await startBeacon(files.relayArgs('--allow-file', await listed(files, others)));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.kill()));
});
afterAll(async () => {
  await relay.kill();
  await Promise.all([files.remove(), others.remove()]);
});

async function infoHash({ file }: PkiDirectory): Promise<string> {
  const { code, out } = await runBeacon(['info-hash', file('bridge-ca.crt')]);
  expect(code).toBe(0);
  return out.trim();
}

/** An allow file with the bridge CAs of `all`. */
async function listed(...all: readonly PkiDirectory[]): Promise<string> {
  const path = files.file(`allowed-${all.length}`);
  writeFileSync(path, `${(await Promise.all(all.map(infoHash))).join('\n')}\n`);
  return path;
}

interface ClientOptions {
  readonly pki?: PkiDirectory;
  /** Default: that of the relay. */
  readonly port?: number;
  readonly more?: readonly string[];
}

async function broker({
  pki = files,
  port = relay.port,
  more = [],
}: ClientOptions = {}): Promise<BeaconProcess> {
  const started = await startBeacon(pki.clientArgs('broker', [port], ...more));
  running.push(started);
  return started;
}

/** Its store is a port where nobody listens, unless `more` names one. */
async function bridge({ pki = files, port = relay.port, more }: ClientOptions = {}): Promise<BeaconProcess> {
  const [nobody = 0] = more ? [] : await freePorts(1);
  const target = more ?? ['--vault-addr', `tcp://${HOST}:${nobody}`];
  const started = await startBeacon(pki.clientArgs('bridge', [port], ...target));
  running.push(started);
  return started;
}

/** Waits until `process` says that line, at `level`, and checks that the page quotes it. */
async function says(process: BeaconProcess, level: 'info' | 'warn', line: string): Promise<LogLine> {
  const said = await process.waitFor((each) => each.msg === line && each.level === level);
  quoted(line);
  return said;
}

function quoted(line: string): void {
  expect(QUOTED).toContain(line);
  seen.add(line);
}

/** A broker with certificates of the other bridge CA; it trusts the relay. */
function stranger(port: number): Promise<BeaconProcess> {
  copyFileSync(files.file('relay-ca.crt'), others.file('relay-ca.crt'));
  return broker({ pki: others, port });
}

/** No stream goes there. */
const NOWHERE = `tcp://${HOST}:1`;

/** A store that speaks HTTP; gives its port. */
async function httpStore(status: number, body: string): Promise<number> {
  const server = createServer((_request, response) => void response.writeHead(status).end(body));
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const SILENT =
  'cannot reach the relay: no answer within 10 s; check the address, and that a firewall lets TCP out to it';
const REJECTED =
  'cannot reach the relay: connection refused; check the port, that it is running, and that no firewall rejects it';
const NO_BRIDGE =
  "the relay refused (noBridge): No bridge is parked for this info_hash. See in the bridge's log that it is parked at a relay; compare `beacon info-hash` on both sides.";
const TURNED_AWAY = 'a client was turned away: no tunnel within 10 s';
const PARKED = 'parked at a relay';

describe('egress to the relay is blocked', () => {
  it('at the broker, by a firewall that drops: the broker says so, the bridge is parked', async () => {
    const hole = await TcpProxy.start(relay.port);
    hole.swallows = true;
    const [blocked, parked] = await Promise.all([broker({ port: hole.port }), bridge()]);
    await says(parked, 'info', PARKED);
    expect(await says(blocked, 'warn', SILENT)).toMatchObject({ code: 'unreachable' });
    const client = await visit(blocked.port, 'echo');
    expect(await says(blocked, 'warn', TURNED_AWAY)).toMatchObject({ code: 'noTunnel' });
    await client.seen.closed;
    // The remedy: let it out. Nothing is to be started again.
    hole.heal();
    await blocked.waitFor(UP);
  });

  it('at the bridge, by a firewall that rejects: the bridge says so, the broker that no bridge is parked', async () => {
    const [port = 0] = await freePorts(1);
    const [waiting, blocked] = await Promise.all([broker(), bridge({ port })]);
    expect(await says(blocked, 'warn', REJECTED)).toMatchObject({ code: 'unreachable' });
    expect(await says(waiting, 'warn', NO_BRIDGE)).toMatchObject({ code: 'noBridge' });
    expect(blocked.lines.some(({ msg }) => msg === PARKED)).toBe(false);
  });
});

describe('the two sides do not have the same', () => {
  it('bridge CA: both reach the relay, and the info_hashes differ', async () => {
    const [strange, parked] = await Promise.all([stranger(relay.port), bridge()]);
    await says(parked, 'info', PARKED);
    expect(await says(strange, 'warn', NO_BRIDGE)).toMatchObject({ code: 'noBridge' });
    expect(await infoHash(files)).not.toBe(await infoHash(others));
  });

  it('bridge CA, and the relay serves listed ones only: it does not serve the other', async () => {
    const strict = await startBeacon(files.relayArgs('--allow-file', await listed(files)));
    running.push(strict);
    const strange = await stranger(strict.port);
    const line =
      'the relay refused (notAllowed): this relay does not serve this info_hash; ask its operator to list it';
    expect(await says(strange, 'warn', line)).toMatchObject({ code: 'notAllowed' });
  });

  it('info_hash that was written down: the process does not start', async () => {
    const wrong = ['--beacon-info-hash', await infoHash(others)];
    const { code, error } = await runBeacon(files.clientArgs('broker', [relay.port], ...wrong));
    expect(code).toBe(2);
    quoted(error.trim().replaceAll(files.file('bridge-ca.crt'), 'bridge-ca.crt'));
  });

  it('CA for relays: the relay is reached, and not believed', async () => {
    const wrong = await broker({ more: ['--beacon-ca', others.file('bridge-ca.crt')] });
    const line =
      "the relay: its certificate is signed by an authority that is not trusted here; pass the relay's CA certificate with --beacon-ca, or its pin with --beacon-pin";
    expect(await says(wrong, 'warn', line)).toMatchObject({ code: 'untrusted' });
  });
});

describe('a tunnel is up, and the store', () => {
  it('is unreachable: both ends say so, and the bridge how', async () => {
    const [serving, refusing] = await Promise.all([broker(), bridge()]);
    await says(serving, 'info', UP);
    await (await visit(serving.port, 'echo')).seen.closed;
    const fields = { code: 'targetUnreachable' };
    const why =
      'a stream was refused: cannot reach the target vault: connection refused; check the port, that it is running, and that no firewall rejects it';
    expect(await says(refusing, 'warn', why)).toMatchObject(fields);
    const told =
      'the bridge refused a stream (targetUnreachable): it cannot reach the target; see that it runs, and the log of the bridge';
    expect(await says(serving, 'warn', told)).toMatchObject({ ...fields, target: 'vault' });
  });

  it('has a certificate that the bridge does not trust: the bridge says which CA is asked for', async () => {
    const { relay: pair } = makePki();
    const store = await startStore({ tls: pair });
    onTestFinished(() => store.close());
    const target = [
      '--vault-addr',
      `https://localhost:${store.port}`,
      '--vault-ca',
      files.file('bridge-ca.crt'),
    ];
    const [serving, refusing] = await Promise.all([broker(), bridge({ more: target })]);
    await serving.waitFor(UP);
    const client = await ask(serving.port, 'echo');
    onTestFinished(() => void client.destroy());
    const why =
      'a stream was refused: TLS fails with the target vault: its certificate is signed by an authority that is not trusted here; pass its CA certificate with --vault-ca';
    expect(await says(refusing, 'warn', why)).toMatchObject({ code: 'targetTls' });
    const told =
      'the bridge refused a stream (targetTls): TLS between it and the target fails; see the log of the bridge, and --vault-ca there';
    expect(await says(serving, 'warn', told)).toMatchObject({ code: 'targetTls' });
  });

  it('is sealed: its own answer arrives, and no line of ours speaks of a fault', async () => {
    const sealed = '{"errors":["Vault is sealed"]}';
    const port = await httpStore(503, sealed);
    const more = ['--vault-addr', `http://${HOST}:${port}`, '--stream-log'];
    const [serving, reached] = await Promise.all([broker(), bridge({ more })]);
    await says(serving, 'info', UP);
    const answer = await fetch(`http://${HOST}:${serving.port}/v1/secret/data/demo`, {
      headers: { connection: 'close' },
    });
    expect([answer.status, await answer.text()]).toEqual([503, sealed]);
    const record = await reached.waitFor(({ record: name }) => name === 'stream');
    expect(record).toMatchObject({ outcome: 'ended', target: 'vault' });
    const told = [...serving.lines, ...reached.lines].filter(
      ({ level }) => level === 'warn' || level === 'error',
    );
    expect(told).toEqual([]);
  });
});

describe('connections to a relay keep dropping', () => {
  /** Cuts the line again and again, each time when `process` is back on it, until it says `told`. */
  async function cutUntil(
    process: BeaconProcess,
    cut: () => void,
    back: readonly string[],
    told: string,
  ): Promise<void> {
    for (let from = 0; ; ) {
      const { msg } = await process.waitFor((line) => [told, ...back].includes(line.msg), { from });
      if (msg === told) return;
      from = process.lines.length;
      cut();
    }
  }

  it('at the bridge: it says so, with the node', async () => {
    const line = await startLegProxy(relay.port);
    onTestFinished(() => line.close());
    const dropping = await bridge({ port: line.port, more: ['--vault-addr', NOWHERE, '--parks', '1'] });
    const told =
      'parked connections to this relay keep dropping, 5 times within 10 minutes; look at what stands in between (idle and life times of firewalls, proxies and load balancers), and at the log of the relay';
    await cutUntil(dropping, line.cut, [PARKED], told);
    await says(dropping, 'warn', 'the relay closed a parked connection');
    const { node, code } = await says(dropping, 'warn', told);
    expect([typeof node, code]).toEqual(['string', 'closed']);
  });

  it('at the broker: it says so, with the path, and the parks of the bridge last', async () => {
    const line = await startLegProxy(relay.port);
    onTestFinished(() => line.close());
    const [dropping, steady] = await Promise.all([broker({ port: line.port }), bridge()]);
    await dropping.waitFor(UP);
    const told =
      'legs by this path keep dropping, 5 times within 10 minutes; where the log of the bridge says the same of its parks, the fault is on its side, else between here and the first relay of the path: look at idle and life times of firewalls, proxies and load balancers';
    await cutUntil(dropping, line.cut, [UP, 'a leg was attached'], told);
    expect(await says(dropping, 'warn', told)).toMatchObject({ path: expect.any(String) });
    expect(steady.lines.filter(({ msg }) => msg === 'the relay closed a parked connection')).toEqual([]);
    // The tunnel outlived it all.
    expect(dropping.lines.filter(({ msg }) => msg === UP)).toHaveLength(1);
  });
});

it('quotes no line that no case has seen', () => {
  expect(seen).toEqual(QUOTED);
});
