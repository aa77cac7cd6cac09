/**
 * Runs scenarios in the simulator and judges them.
 *
 *   npm run sim -- [--seed N] [--hours H] [--nodes K]            one seed, for so many simulated hours
 *   npm run sim -- --seeds N [--from N | --fresh] [--jobs J] [--resume FILE] [--stop] [--any-speed] [--json FILE]
 *
 * --seeds: so many, one after the other from --from (1) on, after those that test/sim/seeds.json keeps; --fresh: from a number drawn
 * at random. --resume: what was done is kept in FILE, and a run that was ended goes on there. --stop: at the first that fails.
 * --any-speed: the speed is told, and no reason to fail.
 * Exit code 1 when a seed fails or the speed misses its bar, 2 on a bad argument.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { messageOf } from '../src/base/errors.ts';
import { integerBelow, systemRandom } from '../src/base/random.ts';
import { LEAST_RUN_MS } from '../test/scenario/generate.ts';
import { runPool } from './sim/pool.ts';
import { commitOf, finished, type Progress, readProgress, writeProgress } from './sim/progress.ts';
import { addTo, lineOf, SPEED_BAR, speedOf, summaryOf } from './sim/report.ts';
import type { Done } from './sim/worker.ts';

interface Settings {
  readonly seeds: number;
  readonly from: number;
  readonly kept: boolean;
  readonly runMs: number;
  readonly relays: number;
  readonly jobs: number;
  readonly resume: string | undefined;
  readonly stop: boolean;
  readonly anySpeed: boolean;
  readonly json: string | undefined;
}

const USAGE = `usage: node scripts/sim.ts [--seed N | --seeds N [--from N | --fresh]] [--hours H] [--nodes K]
       [--jobs J] [--resume FILE] [--stop] [--any-speed] [--json FILE]   (N, K and J are whole numbers, at least 1)`;
const HOUR_MS = 3_600_000;
/** A seed of the usual length takes a tenth of a second; a long one as much longer. */
const SEED_TIMEOUT_MS = 30_000;
const REPORT_EACH = 500;
const SAVE_EACH = 50;
/** Seeds drawn at random are below: easy to copy. */
const FRESH_BELOW = 1_000_000_000;

function read(): Settings {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    options: {
      ...{
        seed: text,
        seeds: text,
        from: text,
        hours: text,
        nodes: text,
        jobs: text,
        resume: text,
        json: text,
      },
      ...{ fresh: flag, stop: flag, 'any-speed': flag },
    },
  });
  const from = values.fresh ? 1 + integerBelow(systemRandom, FRESH_BELOW) : Number(values.from ?? 1);
  const settings = {
    seeds: values.seed === undefined ? Number(values.seeds ?? 1) : 1,
    from: Number(values.seed ?? from),
    kept: values.seed === undefined && values.hours === undefined,
    runMs: values.hours === undefined ? LEAST_RUN_MS : Number(values.hours) * HOUR_MS,
    relays: Number(values.nodes ?? 3),
    jobs: Number(values.jobs ?? availableParallelism()),
    resume: values.resume,
    stop: values.stop,
    anySpeed: values['any-speed'],
    json: values.json,
  };
  const { seeds, relays, jobs } = settings;
  const isWhole = [seeds, settings.from, relays, jobs].every(
    (each) => Number.isSafeInteger(each) && each > 0,
  );
  if (!isWhole || !(settings.runMs > 0)) throw new RangeError(USAGE);
  return settings;
}

/** Seeds that failed once, see docs/testing.md. */
function keptSeeds(): number[] {
  const list: { seed: number }[] = JSON.parse(
    readFileSync(new URL('../test/sim/seeds.json', import.meta.url), 'utf8'),
  );
  return list.map(({ seed }) => seed);
}

function* seedsOf(settings: Settings, progress: Progress): Generator<number> {
  const until = settings.from + settings.seeds;
  if (settings.kept && progress.tally.seeds === 0)
    for (const seed of keptSeeds()) if (seed < settings.from || seed >= until) yield seed;
  for (let seed = progress.from; seed < until; seed += 1) if (!progress.done.includes(seed)) yield seed;
}

async function run(settings: Settings): Promise<Progress> {
  const { from, runMs, relays, resume } = settings;
  const progress = readProgress(resume, { commit: commitOf(), runMs, relays, from });
  const onDone = (done: Done): boolean => {
    addTo(progress.tally, done);
    finished(progress, done.seed);
    for (const violation of done.violations.slice(0, 10))
      console.log(lineOf({ seed: done.seed, ...violation }, progress.commit));
    const { seeds, failures } = progress.tally;
    if (seeds % SAVE_EACH === 0) writeProgress(resume, progress);
    if (seeds % REPORT_EACH === 0) console.log(`sim: ${seeds} seeds, ${failures.length} violations so far`);
    return !(settings.stop && done.violations.length > 0);
  };
  console.log(`sim: ${settings.seeds} seeds from ${from}, ${relays} nodes, commit ${progress.commit}`);
  const seedTimeoutMs = SEED_TIMEOUT_MS * Math.max(1, runMs / LEAST_RUN_MS);
  const seeds = seedsOf(settings, progress);
  await runPool({ jobs: settings.jobs, seeds, options: { relays, runMs }, seedTimeoutMs, onDone });
  writeProgress(resume, progress);
  return progress;
}

async function main(settings: Settings): Promise<number> {
  const { tally, commit } = await run(settings);
  const speed = speedOf(tally);
  const isFast = speed >= SPEED_BAR;
  for (const line of summaryOf(tally)) console.log(`sim: ${line}`);
  console.log('\n| measured | bar | value | |\n|---|---|---|---|');
  console.log(
    `| simulated cluster-hours per CPU-hour, ${settings.relays} nodes | at least ${SPEED_BAR} | ${Math.round(speed)} | ${isFast ? 'met' : 'MISSED'} |`,
  );
  if (settings.json !== undefined)
    writeFileSync(
      settings.json,
      `${JSON.stringify({ commit, ...tally, speed, bar: SPEED_BAR, met: isFast }, null, 2)}\n`,
    );
  return (isFast || settings.anySpeed) && tally.failures.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(read());
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 2;
}
