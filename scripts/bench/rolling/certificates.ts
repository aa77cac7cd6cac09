/**
 * Certificates that are swapped under load: those of a relay, a bridge and a broker, and SIGHUP again and
 * again. Nobody is to notice, and no descriptor is to stay open.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { sleep, systemClock } from '../../../src/base/clock.ts';
import { makePki } from '../../../test/support/certificates.ts';
import { freshPair, type PairRole, writePair } from '../../../test/support/fresh-pairs.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../../../test/support/processes.ts';
import { SteadyLoad } from '../../../test/support/steady-load.ts';
import { type Store, startStore } from '../../../test/support/store.ts';
import { pairOnce } from '../../../test/support/wire-client.ts';
import { LOOPBACK } from '../loopback.ts';
import type { Row } from '../report.ts';

export const CERTIFICATES = {
  what: 'certificate swapped 100 times under load; SIGHUP 1,000 times',
  bar: '0 connections dropped, no descriptor leak',
} as const;

const SWAPS = 100;
const SIGNALS = 1_000;
/** Those of bridge and broker as well, every so many swaps: each replaces their tunnels and parks. */
const CLIENTS_EVERY = 10;
/** Streams that are open all the time, and clients that ask on a new connection each time. */
const HELD = 8;
const ASKING = 2;
const LOOKED = 'all files were looked at, as was asked for';
const REPLACED = 'a tunnel was replaced by a new one to the same bridge';
/** The renewed parks and tunnels are there, and the old ones are gone. */
const SETTLE_MS = 15_000;
/** A connection that the last request has just left. */
const LEAK = 4;

interface Site {
  readonly files: PkiDirectory;
  readonly store: Store;
  readonly processes: Readonly<Record<PairRole, BeaconProcess>>;
}

/** The one row of {@link CERTIFICATES}. */
export async function measureCertificates(): Promise<Row[]> {
  const site = await start();
  const { relay, bridge, broker } = site.processes;
  const all = [relay, bridge, broker];
  try {
    const requests = new SteadyLoad(broker.port, ASKING);
    await requests.served();
    const held = await Promise.all(Array.from({ length: HELD }, () => Held.open(broker.port)));
    const before = await descriptors(all);
    const pairs = await swap(site, requests);
    await Promise.all(all.map(signal));
    await requests.served();
    const broken = held.filter((each) => !each.whole).length;
    const failed = await requests.stop();
    for (const each of held) each.end();
    await sleep(systemClock, SETTLE_MS);
    const after = await descriptors(all);
    const grown = after.map((count, at) => count - (before[at] ?? 0));
    const warned = all.flatMap(({ lines }) =>
      lines.filter(({ msg }) => /stays as it was|has expired/.test(msg)),
    );
    const dropped = broken + failed.length + warned.length;
    return [
      {
        ...CERTIFICATES,
        measured: `${dropped} dropped of ${HELD} streams that stayed open, ${requests.done} requests on a connection each and ${pairs} new pairs at the relay; descriptors of relay, bridge, broker ${before.join(', ')} before and ${after.join(', ')} after`,
        met: dropped === 0 && Math.max(...grown) <= LEAK,
        how: `the relay's pair swapped ${SWAPS} times, those of bridge and broker each ${SWAPS / CLIENTS_EVERY} times, a SIGHUP after each; then ${SIGNALS} SIGHUP to each process as fast as they can be sent`,
        values: { dropped, requests: requests.done, pairs, ...valuesOf(before, after) },
      },
    ];
  } finally {
    await Promise.all(all.map((each) => each.kill()));
    await site.store.close();
    await site.files.remove();
  }
}

async function start(): Promise<Site> {
  const files = await makePkiDirectory();
  // Their connections are many, from one source, and those of an info_hash that is listed do not count.
  writeFileSync(files.file('allowed'), `${files.pki.infoHash}\n${STRANGER.infoHash}\n`);
  const store = await startStore();
  const relay = await startBeacon(files.relayArgs('--allow-file', files.file('allowed')));
  const target = ['--vault-addr', `tcp://${LOOPBACK}:${store.port}`];
  const bridge = await startBeacon(files.clientArgs('bridge', [relay.port], ...target));
  const broker = await startBeacon(files.clientArgs('broker', [relay.port]));
  await broker.waitFor('a tunnel to the bridge is up');
  return { files, store, processes: { relay, bridge, broker } };
}

/** Of those who pair at the relay meanwhile, so that they do not meet the bridge. */
const STRANGER = makePki({ fresh: true });

/** Resolves with how many pairs met at the relay, each right after it had taken another certificate. */
async function swap(site: Site, requests: SteadyLoad): Promise<number> {
  const { relay, bridge, broker } = site.processes;
  for (let count = 1; count <= SWAPS; count += 1) {
    await take(site, 'relay', relay);
    await pairOnce(relay.port, STRANGER);
    if (count % CLIENTS_EVERY > 0) continue;
    for (const [role, process] of [
      ['broker', broker],
      ['bridge', bridge],
    ] as const) {
      const from = broker.lines.length;
      await take(site, role, process);
      await broker.waitFor(REPLACED, { from });
      await requests.served();
    }
  }
  return SWAPS;
}

async function take({ files }: Site, role: PairRole, process: BeaconProcess): Promise<void> {
  writePair(files, role, freshPair(files.pki, role));
  const from = process.lines.length;
  void process.kill('SIGHUP');
  await process.waitFor('the certificate of --tls-cert was read again', { from });
}

async function signal(process: BeaconProcess): Promise<void> {
  const from = process.lines.length;
  for (let count = 0; count < SIGNALS; count += 1) void process.kill('SIGHUP');
  await process.waitFor(LOOKED, { from });
  assert(process.alive, 'a process ended by SIGHUP');
}

function descriptors(processes: readonly BeaconProcess[]): Promise<number[]> {
  return Promise.all(processes.map((each) => each.quiet()));
}

function valuesOf(before: readonly number[], after: readonly number[]): Record<string, number> {
  const named = (what: string, counts: readonly number[]): [string, number][] =>
    counts.map((count, at) => [`${['relay', 'bridge', 'broker'][at]}_descriptors_${what}`, count]);
  return Object.fromEntries([...named('before', before), ...named('after', after)]);
}

/** A stream that is open all the time, on which something is said now and then. */
class Held {
  readonly #socket: Socket;
  readonly #timer = systemClock.every(100, () => this.#say());
  #said = '';
  #heard = '';
  #ended = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8').on('data', (text: string) => {
      this.#heard += text;
    });
    socket.on('close', () => {
      this.#ended = true;
    });
  }

  static open(port: number): Promise<Held> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: LOOPBACK, port }, () => {
        socket.write('echo\n');
        resolve(new Held(socket));
      });
      socket.on('error', reject);
    });
  }

  /** All that was said a while ago came back, once and in order, and it is open. */
  get whole(): boolean {
    return !this.#ended && this.#heard.length > 0 && this.#said.startsWith(this.#heard) && this.#lag < 100;
  }

  get #lag(): number {
    return this.#said.length - this.#heard.length;
  }

  end(): void {
    this.#timer.cancel();
    this.#socket.destroy();
  }

  #say(): void {
    const text = `${this.#said.length} `;
    this.#said += text;
    this.#socket.write(text);
  }
}
