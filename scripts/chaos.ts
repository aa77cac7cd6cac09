/**
 * A cluster of real processes in containers, and what befalls it: kills, drains, pauses, cuts, black holes, resets, lost packets,
 * slow links, new certificates. A seed decides what happens when; checkers judge what clients and operators saw.
 *
 *   npm run chaos -- [--seed N] [--minutes M | --hours H] [--slowness K] [--image NAME] [--json FILE] [--counts FILE] [--report FILE]
 *
 *   --slowness K    Things may take so many times as long as promised. Otherwise by how late timers of this process were.
 *   --image NAME    An image that is there; otherwise it is built.
 *   --json FILE     Everything that was seen, and what checkers found.
 *   --counts FILE   How many checkers are content, and how many are not, for CI.
 *   --report FILE   The page; .cache/chaos.html otherwise.
 *
 * Exits with 1 when a checker found something. Needs root, an engine of Docker, compose, nsenter, nft and curl; docs/testing.md tells more.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { Cluster } from '../test/chaos/cluster.ts';
import { missing } from '../test/chaos/engine.ts';
import { CHECKER_NAMES, judged } from '../test/chaos/judge.ts';
import { page } from '../test/chaos/report/page.ts';
import { type ChaosRun, Run } from '../test/chaos/run.ts';
import { chaosScenario } from '../test/chaos/scenario.ts';
import type { Violation } from '../test/scenario/checker.ts';
import { buildImage } from './image/build.ts';
import { revision } from './release/source.ts';

const MINUTES = 5;
const MOST_SHOWN = 40;

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string' },
    minutes: { type: 'string' },
    hours: { type: 'string' },
    slowness: { type: 'string' },
    image: { type: 'string' },
    json: { type: 'string' },
    counts: { type: 'string' },
    report: { type: 'string', default: '.cache/chaos.html' },
  },
});
const minutes = options.hours === undefined ? Number(options.minutes ?? MINUTES) : Number(options.hours) * 60;
const seed = options.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(options.seed);
const slowness = options.slowness === undefined ? undefined : Number(options.slowness);
if (!(minutes > 0) || !Number.isSafeInteger(seed) || !((slowness ?? 1) >= 1)) {
  console.error(
    'chaos: --minutes and --hours are numbers above 0, --slowness is 1 or more, --seed is a whole number',
  );
  process.exit(2);
}
const lacks = await missing();
if (lacks !== undefined) {
  console.error(`chaos: NOTHING WAS TESTED: ${lacks}`);
  process.exit(1);
}

const image =
  options.image ?? buildImage({ tag: process.env['BEACON_IMAGE'], base: process.env['NODE_IMAGE'] });
const scenario = chaosScenario(seed, minutes * 60_000);
const cluster = new Cluster(scenario, { BEACON_IMAGE: image });
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    console.error('chaos: ended before its time; what it has started is taken away');
    void cluster.down().finally(() => process.exit(130));
  });
const command = `npm run chaos -- --seed ${seed} --minutes ${Number(minutes.toFixed(2))}`;
console.log(`chaos: ${command}: ${scenario.faults.length} faults, ${scenario.streams.length} streams`);
try {
  tell(await new Run(scenario, cluster, (text) => console.log(text)).run());
} catch (error) {
  console.error('chaos: the run could not be done:', error);
  process.exitCode = 1;
} finally {
  await cluster.down();
}
process.exit();

function tell(run: ChaosRun): void {
  const factor = slowness ?? run.slowness;
  const violations: readonly Violation[] = judged(run, factor);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ ...run, violations })}\n`);
  const about = {
    checkers: CHECKER_NAMES,
    violations,
    commit: revision().slice(0, 12),
    command,
    slowness: factor,
  };
  const failed = new Set(violations.map(({ checker }) => checker)).size;
  if (options.counts !== undefined)
    writeFileSync(options.counts, JSON.stringify({ passed: CHECKER_NAMES.length - failed, failed }));
  mkdirSync(dirname(options.report), { recursive: true });
  writeFileSync(options.report, page(run, about));
  for (const { checker, ms, text } of violations.slice(0, MOST_SHOWN))
    console.log(`${checker} at ${(ms / 1_000).toFixed(1)} s: ${text}`);
  const found = violations.length === 0 ? 'every checker is content' : `${violations.length} findings`;
  console.log(`chaos: seed ${seed}: ${found}, time bounds × ${factor}; see ${options.report}`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
