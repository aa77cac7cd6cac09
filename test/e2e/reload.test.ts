/** Real processes whose certificates are swapped: new ones are taken over without harm, and what is of no use is kept out. */

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { makePki } from '../support/certificates.ts';
import {
  expiredPair,
  fingerprintOf,
  freshPair,
  type PairRole,
  servedAt,
  writePair,
  writeWhole,
} from '../support/fresh-pairs.ts';
import { until } from '../support/leaks.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../support/processes.ts';
import { leafUntil } from '../support/short-lived.ts';
import { SteadyLoad } from '../support/steady-load.ts';
import { type Store, startStore } from '../support/store.ts';
import { HOST, visit } from '../support/tunnel-processes.ts';

const BEACON = 'beacon/1';
const HTTP = 'http/1.1';
/** The promise: a pair that is valid serves new connections by then. */
const TAKEN_MS = 15_000;
const REPLACED = 'a tunnel was replaced by a new one to the same bridge';
const OF_FILES = /^the (certificate|CA) of --|^the (allow|deny) file /;
const LOOKED = 'all files were looked at, as was asked for';

const pki = makePki();
let files: PkiDirectory;
let store: Store;
const started: BeaconProcess[] = [];

beforeAll(async () => {
  files = await makePkiDirectory(pki);
  store = await startStore();
});

afterAll(async () => {
  await Promise.all(started.map((each) => each.kill()));
  await store?.close();
  await files?.remove();
});

async function start(args: Parameters<typeof startBeacon>[0]): Promise<BeaconProcess> {
  const process = await startBeacon(args);
  started.push(process);
  return process;
}

/** Args with a pair of files of their own, so that tests do not meet; the pair is written. */
function own(args: Parameters<typeof startBeacon>[0], role: PairRole, name: string) {
  writePair(files, name, pki[role]);
  return [
    ...args,
    ...['--tls-cert', files.file(`${name}.crt`), '--tls-key', files.file(`${name}.key`)],
  ] as Parameters<typeof startBeacon>[0];
}

const bridgeArgs = (relay: BeaconProcess) =>
  files.clientArgs('bridge', [relay.port], '--vault-addr', `tcp://${HOST}:${store.port}`);

/** SIGHUP; resolves when the files were looked at, with what was said of them. */
async function reload(process: BeaconProcess): Promise<readonly string[]> {
  const from = process.lines.length;
  void process.kill('SIGHUP');
  await process.waitFor(LOOKED, { from });
  // Whatever else a process has to say meanwhile.
  return process.lines.slice(from).flatMap(({ msg }) => (OF_FILES.test(msg) ? [msg] : []));
}

/** Resolves when `relay` has read its pair by itself, in time, and serves the one with `fingerprint`. */
async function takes(relay: BeaconProcess, fingerprint: string): Promise<void> {
  const began = systemClock.now();
  await relay.waitFor('the certificate of --tls-cert was read again');
  expect(systemClock.now() - began).toBeLessThan(TAKEN_MS);
  expect(await servedAt(relay.port, BEACON)).toBe(fingerprint);
}

describe('by looking every 10 s', () => {
  it.concurrent('a relay takes a pair of which the key comes later, and cuts nobody', async () => {
    const relay = await start(own(files.relayArgs(), 'relay', 'relay-poll'));
    const bridge = await start(bridgeArgs(relay));
    const broker = await start(files.clientArgs('broker', [relay.port]));
    const { socket, seen } = await visit(broker.port, 'echo');
    socket.write('before ');
    await until(() => seen.bytes.length > 0);
    const fresh = freshPair(pki, 'relay');
    writeWhole(files.file('relay-poll.crt'), fresh.certificate);
    // Whenever the relay looks, it is whole at the next time at the latest.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    writeWhole(files.file('relay-poll.key'), fresh.key);
    await takes(relay, fingerprintOf(fresh));
    socket.end('after');
    await seen.closed;
    expect([seen.bytes.toString(), seen.events]).toEqual(['before after', ['end', 'close']]);
    expect(relay.lines.filter(({ msg }) => msg.includes('stays as it was'))).toEqual([]);
    const tunnels = broker.lines.filter(({ msg }) => msg === 'a tunnel to the bridge is up');
    expect([bridge.alive, tunnels.length]).toEqual([true, 1]);
    const { socket: next, seen: seenNext } = await visit(broker.port, 'echo');
    next.end('still');
    await seenNext.closed;
    expect(seenNext.bytes.toString()).toBe('still');
  });

  it.concurrent('a relay takes what ..data points to, as Kubernetes swaps it', async () => {
    const generation = (name: string, { certificate, key }: { certificate: string; key: string }) => {
      mkdirSync(files.file(`mounted/${name}`), { recursive: true });
      writeFileSync(files.file(`mounted/${name}/tls.crt`), certificate);
      writeFileSync(files.file(`mounted/${name}/tls.key`), key, { mode: 0o600 });
    };
    generation('..1', pki.relay);
    symlinkSync('..1', files.file('mounted/..data'));
    for (const name of ['tls.crt', 'tls.key']) symlinkSync(`..data/${name}`, files.file(`mounted/${name}`));
    const pair = ['--tls-cert', files.file('mounted/tls.crt'), '--tls-key', files.file('mounted/tls.key')];
    const relay = await start(files.relayArgs(...pair));
    const fresh = freshPair(pki, 'relay');
    generation('..2', fresh);
    symlinkSync('..2', files.file('mounted/..data_tmp'));
    renameSync(files.file('mounted/..data_tmp'), files.file('mounted/..data'));
    rmSync(files.file('mounted/..1'), { recursive: true });
    await takes(relay, fingerprintOf(fresh));
  });

  it.concurrent('broker and bridge change theirs under load: no request fails, none uses the old one', async () => {
    const relay = await start(files.relayArgs());
    writeFileSync(files.file('denied'), '');
    const bridge = await start([
      ...own(bridgeArgs(relay), 'bridge', 'bridge-poll'),
      ...['--deny-cert-file', files.file('denied')],
    ] as Parameters<typeof startBeacon>[0]);
    const broker = await start(own(files.clientArgs('broker', [relay.port]), 'broker', 'broker-poll'));
    await broker.waitFor('a tunnel to the bridge is up');
    const requests = new SteadyLoad(broker.port, 2);
    await requests.served();
    for (const role of ['broker', 'bridge'] as const) {
      const from = broker.lines.length;
      writePair(files, `${role}-poll`, freshPair(pki, role));
      await broker.waitFor(REPLACED, { from });
      await requests.served();
    }
    await bridge.waitFor('the certificate of --tls-cert was read again');
    // Only who still came by the old one would notice.
    writeFileSync(files.file('denied'), createHash('sha256').update(pki.broker.der).digest('hex'));
    expect(await reload(bridge)).toEqual(['the deny file was read again']);
    await requests.served();
    expect(await requests.stop()).toEqual([]);
    expect(broker.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
  });
});

describe('by SIGHUP', () => {
  it.concurrent('a bridge outlives the certificate that it began with', async () => {
    const relay = await start(files.relayArgs());
    const untilMs = Math.floor((systemClock.wall() + 16_000) / 1_000) * 1_000;
    const args = own(bridgeArgs(relay), 'bridge', 'bridge-short');
    const short = leafUntil('bridge', untilMs, pki);
    writeWhole(files.file('bridge-short.crt'), short.certificate);
    writeWhole(files.file('bridge-short.key'), short.key);
    const bridge = await start(args);
    const broker = await start(files.clientArgs('broker', [relay.port]));
    await broker.waitFor('a tunnel to the bridge is up');
    writePair(files, 'bridge-short', freshPair(pki, 'bridge'));
    await reload(bridge);
    await broker.waitFor(REPLACED);
    const { socket, seen } = await visit(broker.port, 'echo');
    socket.write('x');
    // The whole second counts, and a look at the clock comes after it.
    await until(() => systemClock.wall() > untilMs + 3_000);
    socket.end('y');
    await seen.closed;
    expect([seen.bytes.toString(), seen.events]).toEqual(['xy', ['end', 'close']]);
  });

  it.concurrent('bridge and relay change their CA files: one that is added is trusted', async () => {
    const other = makePki({ fresh: true });
    const relay = await start(own(files.relayArgs(), 'relay', 'relay-ca-change'));
    writeFileSync(files.file('changing-ca.crt'), pki.relayCa.certificate);
    const broker = await start(
      files.clientArgs('broker', [relay.port], '--beacon-ca', files.file('changing-ca.crt')),
    );
    const bridge = await start([
      ...bridgeArgs(relay),
      ...['--beacon-ca', files.file('changing-ca.crt')],
    ] as Parameters<typeof startBeacon>[0]);
    await broker.waitFor('a tunnel to the bridge is up');
    writeFileSync(files.file('changing-ca.crt'), pki.relayCa.certificate + other.relayCa.certificate);
    for (const each of [bridge, broker])
      expect(await reload(each)).toEqual(['the certificate of --tls-cert was read again']);
    writePair(files, 'relay-ca-change', freshPair(other, 'relay'));
    expect(await reload(relay)).toEqual(['the certificate of --tls-cert was read again']);
    const { socket, seen } = await visit(broker.port, 'echo');
    socket.end('x');
    await seen.closed;
    expect(seen.bytes.toString()).toBe('x');
    const from = broker.lines.length;
    writePair(files, 'broker', freshPair(pki, 'broker'));
    await reload(broker);
    // Through the relay as it is now.
    await broker.waitFor(REPLACED, { from });
  });
});

/** What is of no use to `role`, and what is said of it. */
const BAD = {
  'a broken certificate': (role: PairRole) => ({
    ...freshPair(pki, role),
    certificate: pki[role].certificate.slice(0, 200),
  }),
  'the key of another certificate': (role: PairRole) => ({
    ...freshPair(pki, role),
    key: freshPair(pki, role).key,
  }),
  'an expired certificate': (role: PairRole) => expiredPair(pki, role),
  'an empty file': (role: PairRole) => ({ ...pki[role], key: '' }),
} as const;

describe('what is of no use is kept out, with one warning', () => {
  const target: Record<string, BeaconProcess> = {};

  beforeAll(async () => {
    const relay = await start(own(files.relayArgs(), 'relay', 'relay-bad'));
    const listen = [
      '--listen-cert',
      files.file('listener-bad.crt'),
      '--listen-key',
      files.file('listener-bad.key'),
    ];
    writePair(files, 'listener-bad', pki.relay);
    const bridge = await start(own(bridgeArgs(relay), 'bridge', 'bridge-bad'));
    const broker = await start([
      ...own(files.clientArgs('broker', [relay.port]), 'broker', 'broker-bad'),
      ...listen,
    ] as Parameters<typeof startBeacon>[0]);
    await broker.waitFor('a tunnel to the bridge is up');
    Object.assign(target, { relay, bridge, broker, listener: broker });
  });

  const cases = (['relay', 'listener', 'bridge', 'broker'] as const).flatMap((name) =>
    (Object.keys(BAD) as (keyof typeof BAD)[]).map((what) => [name, what] as const),
  );

  it.each(cases)('%s: %s', async (name, what) => {
    const role = name === 'listener' ? 'relay' : name;
    const process = target[name];
    if (!process) throw new Error('it did not start');
    const flag = name === 'listener' ? '--listen' : '--tls';
    const served = (): Promise<string> | undefined => {
      if (name === 'relay') return servedAt(process.port, BEACON);
      return name === 'listener' ? servedAt(process.port, HTTP) : undefined;
    };
    const before = await served();
    writePair(files, `${name}-bad`, BAD[what](role));
    expect(await reload(process)).toEqual([
      expect.stringMatching(
        new RegExp(`^the certificate of ${flag}-cert stays as it was: ${flag}-(cert|key) `),
      ),
    ]);
    expect(await reload(process)).toEqual([]);
    expect(await served()).toBe(before);
    const fresh = freshPair(pki, role);
    writePair(files, `${name}-bad`, fresh);
    const said = await reload(process);
    expect(said[0]).toBe(`the certificate of ${flag}-cert was read again`);
    if (before !== undefined) expect(await served()).toBe(fingerprintOf(fresh));
  });
});

it('1,000 SIGHUP in a row are few looks, and leave no descriptor open', async () => {
  const relay = await start(own(files.relayArgs(), 'relay', 'relay-many'));
  await reload(relay);
  const before = await relay.quiet();
  const cpu = (): number => Number(readFileSync(`/proc/${relay.pid}/stat`, 'utf8').split(' ')[13]);
  const spent = cpu();
  for (let count = 0; count < 1_000; count += 1) void relay.kill('SIGHUP');
  await reload(relay);
  expect(relay.alive).toBe(true);
  expect(await relay.quiet()).toBe(before);
  // In hundredths of a second: each look is a fraction of a millisecond.
  expect(cpu() - spent).toBeLessThan(500);
});
