/**
 * Connections come and go at a real relay, bridge and broker, ten times as many as on a normal day: ten pairs and ten streams a
 * second, every tenth aborted. Memory, heap, descriptors, timers and other resources of the three are to stay where they are:
 * prints the line of least squares through the samples of each, and exits with 1 when one rises out of its noise or a pair failed.
 *
 *   npm run soak -- [--hours H | --minutes M] [--json FILE]     an hour
 *   npm run churn -- [--minutes M] [--json FILE]                five minutes
 *
 * The first third is warm-up: compiled code, pools and heaps reach their size. docs/benchmarks.md says what was measured.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { sleep, systemClock } from '../src/base/clock.ts';
import { makePki } from '../test/support/certificates.ts';
import { HEALTH, healthPort } from '../test/support/metrics.ts';
import { type BeaconProcess, makePkiDirectory, startBeacon } from '../test/support/processes.ts';
import { startStore } from '../test/support/store.ts';
import { cutClients } from '../test/support/wire-client.ts';
import { LOOPBACK } from './bench/loopback.ts';
import { Churn } from './churn/load.ts';
import { judgeSeries, rowsOf, type Series, startSeries, takeSamples } from './churn/series.ts';

const MINUTES = 60;
/** A pair and a stream a second make a normal day: 86,400 of each. */
const NORMAL_RATE = 1;
const TIMES_NORMAL = 10;
const SAMPLE_MS = 1_000;
const WARM_UP = 1 / 3;

const { values: options } = parseArgs({
  options: { minutes: { type: 'string' }, hours: { type: 'string' }, json: { type: 'string' } },
});
const minutes = options.hours === undefined ? Number(options.minutes ?? MINUTES) : Number(options.hours) * 60;
if (!(minutes > 0)) {
  console.error('soak: --minutes and --hours are numbers above 0');
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const ours = makePki({ fresh: true });
const files = await makePkiDirectory();
writeFileSync(files.file('allowed'), `${files.pki.infoHash}\n${ours.infoHash}\n`);
const store = await startStore();
const relay = await startBeacon(files.relayArgs('--allow-file', files.file('allowed'), ...HEALTH));
const target = ['--vault-addr', `tcp://${LOOPBACK}:${store.port}`, ...HEALTH];
const bridge = await startBeacon(files.clientArgs('bridge', [relay.port], ...target));
const broker = await startBeacon(files.clientArgs('broker', [relay.port], ...HEALTH));
await broker.waitFor('a tunnel to the bridge is up');

const daemons: Readonly<Record<string, BeaconProcess>> = { relay, bridge, broker };
const rate = NORMAL_RATE * TIMES_NORMAL;
const churn = new Churn({
  relayPort: relay.port,
  brokerPort: broker.port,
  pki: ours,
  rate,
  clock: systemClock,
});
const all = await sampled();
await churn.stop();
cutClients();
const alive = Object.values(daemons).every((each) => each.alive);
await Promise.all(Object.values(daemons).map((each) => each.stop()));
await store.close();
await files.remove();
report(all);
process.exit();

async function sampled(): Promise<readonly Series[]> {
  const series = startSeries(Object.keys(daemons));
  const ports = await Promise.all(
    Object.entries(daemons).map(async ([name, daemon]) => [name, await healthPort(daemon)] as const),
  );
  const start = systemClock.now();
  for (let ms = 0; ms < minutes * 60_000; ms = systemClock.now() - start) {
    await sleep(systemClock, SAMPLE_MS);
    const seconds = (systemClock.now() - start) / 1_000;
    await Promise.all(ports.map(([name, port]) => takeSamples(series, name, port, seconds)));
  }
  return series;
}

function report(series: readonly Series[]): void {
  const judged = judgeSeries(series, WARM_UP * minutes * 60);
  console.table(rowsOf(judged));
  const { pairs, streams, aborted, failed } = churn.counts;
  console.log(
    `${pairs} pairs and ${streams} streams in ${minutes} min, ${aborted} of them aborted, ${failed} failed`,
  );
  for (const failure of churn.failures.slice(0, 10)) console.log(failure);
  if (!alive) console.log('a daemon ended by itself');
  const met = alive && failed === 0 && judged.every(({ flat }) => flat);
  console.log(met ? 'soak: everything stays where it is' : 'soak: see RISES, failed, or ended above');
  if (options.json !== undefined)
    writeFileSync(
      options.json,
      `${JSON.stringify({ minutes, met, counts: churn.counts, series: judged }, undefined, 2)}\n`,
    );
  process.exitCode = met ? 0 : 1;
}
