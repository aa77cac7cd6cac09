/**
 * Connections come and go at a real relay, bridge and broker, ten pairs and ten streams a second, every tenth aborted.
 * Memory and descriptors of the three are to stay where they are: prints the line of least squares through the samples of
 * each, and exits with 1 when one rises out of its noise or a pair failed.
 *
 *   npm run churn -- [--minutes N] [--json FILE]
 *
 * The first third is warm-up: compiled code, pools and heaps reach their size. docs/benchmarks.md says what was measured.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { sleep, systemClock } from '../src/base/clock.ts';
import { makePki } from '../test/support/certificates.ts';
import { type BeaconProcess, makePkiDirectory, startBeacon } from '../test/support/processes.ts';
import { startStore } from '../test/support/store.ts';
import { cutClients } from '../test/support/wire-client.ts';
import { rssOf } from './bench/hostile/usage.ts';
import { LOOPBACK } from './bench/loopback.ts';
import { Churn, type ChurnCounts } from './churn/load.ts';
import { isFlat, type Line, regression, type Sample } from './churn/regression.ts';

const MINUTES = 5;
const RATE = 10;
const SAMPLE_MS = 1_000;
const WARM_UP = 1 / 3;
const MIB = 1_024 * 1_024;
/** What is too little to tell. V8 lets garbage of some megabytes lie before it marks the heap, so RSS may rise by as much in
 *  minutes without a leak: in five minutes a leak shows from some 4 KiB a pair on, in an hour from 350 bytes on. */
const GRAIN = { rss: 8, descriptors: 1 };

type Kind = keyof typeof GRAIN;
type Daemon = 'relay' | 'bridge' | 'broker';

interface Series {
  readonly daemon: Daemon;
  readonly kind: Kind;
  readonly samples: Sample[];
}

const { values: options } = parseArgs({
  options: { minutes: { type: 'string', default: String(MINUTES) }, json: { type: 'string' } },
});
const minutes = Number(options.minutes);
if (!(minutes > 0)) {
  console.error(`--minutes ${options.minutes}: a number above 0`);
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const ours = makePki({ fresh: true });
const files = await makePkiDirectory();
writeFileSync(files.file('allowed'), `${files.pki.infoHash}\n${ours.infoHash}\n`);
const store = await startStore();
const relay = await startBeacon(files.relayArgs('--allow-file', files.file('allowed')));
const target = ['--vault-addr', `tcp://${LOOPBACK}:${store.port}`];
const bridge = await startBeacon(files.clientArgs('bridge', [relay.port], ...target));
const broker = await startBeacon(files.clientArgs('broker', [relay.port]));
await broker.waitFor('a tunnel to the bridge is up');

const daemons = { relay, bridge, broker } as const;
const churn = new Churn({
  relayPort: relay.port,
  brokerPort: broker.port,
  pki: ours,
  rate: RATE,
  clock: systemClock,
});
const all = await sampled();
await churn.stop();
cutClients();
const alive = Object.values(daemons).every((each: BeaconProcess) => each.alive);
await Promise.all(Object.values(daemons).map((each) => each.stop()));
await store.close();
await files.remove();
report(all, churn.counts);
process.exit();

async function sampled(): Promise<readonly Series[]> {
  const series = (Object.keys(daemons) as Daemon[]).flatMap((daemon) =>
    (Object.keys(GRAIN) as Kind[]).map((kind): Series => ({ daemon, kind, samples: [] })),
  );
  const start = systemClock.now();
  for (let ms = 0; ms < minutes * 60_000; ms = systemClock.now() - start) {
    await sleep(systemClock, SAMPLE_MS);
    const seconds = (systemClock.now() - start) / 1_000;
    for (const { daemon, kind, samples } of series)
      samples.push({ seconds, value: look(daemons[daemon].pid, kind) });
  }
  return series;
}

function look(pid: number, kind: Kind): number {
  return kind === 'rss' ? rssOf(pid) / MIB : readdirSync(`/proc/${pid}/fd`).length;
}

function report(series: readonly Series[], counts: ChurnCounts): void {
  const judged = series.map(({ daemon, kind, samples }) => {
    const line = regression(samples.filter(({ seconds }) => seconds > WARM_UP * minutes * 60));
    return { daemon, kind, ...line, flat: isFlat(line, GRAIN[kind]) };
  });
  for (const each of judged)
    console.log(`${each.daemon} ${textOf(each.kind, each)}: ${each.flat ? 'flat' : 'RISES'}`);
  const { pairs, streams, aborted, failed } = counts;
  console.log(
    `${pairs} pairs and ${streams} streams in ${minutes} min, ${aborted} of them aborted, ${failed} failed`,
  );
  for (const failure of churn.failures.slice(0, 10)) console.log(failure);
  if (!alive) console.log('a daemon ended by itself');
  const met = alive && failed === 0 && judged.every(({ flat }) => flat);
  if (options.json !== undefined)
    writeFileSync(
      options.json,
      `${JSON.stringify({ minutes, met, counts, series: judged }, undefined, 2)}\n`,
    );
  process.exitCode = met ? 0 : 1;
}

function textOf(kind: Kind, { slope, from, to, noise, samples }: Line): string {
  const [name, unit] = kind === 'rss' ? ['RSS', ' MiB'] : ['descriptors', ''];
  const text = (value: number): string => value.toFixed(2);
  return `${name} ${text(from)} to ${text(to)}${unit}, ${text(slope * 3_600)}${unit} an hour, scatter ${text(noise)}, ${samples} samples`;
}
