/**
 * A cluster of real processes in containers, and what befalls it: kills, drains, pauses, cuts, black holes, resets, lost packets,
 * slow links, new certificates. A seed decides what happens when; checkers judge what clients and operators saw.
 *
 *   npm run chaos -- [--seed N] [--minutes M | --hours H] [--json FILE] [--report FILE]
 *
 * Exits with 1 when a checker found something. Needs root, an engine of Docker, compose, nft and curl; docs/testing.md tells more.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Cluster } from '../test/chaos/cluster.ts';
import { missing } from '../test/chaos/engine.ts';
import { judged } from '../test/chaos/judge.ts';
import { Run } from '../test/chaos/run.ts';
import { chaosScenario } from '../test/chaos/scenario.ts';
import { buildImage } from './image/build.ts';

const MINUTES = 5;

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string' },
    image: { type: 'string' },
    minutes: { type: 'string' },
    hours: { type: 'string' },
    json: { type: 'string' },
    report: { type: 'string', default: 'chaos.html' },
  },
});
const minutes = options.hours === undefined ? Number(options.minutes ?? MINUTES) : Number(options.hours) * 60;
const seed = options.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(options.seed);
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  console.error('chaos: --minutes and --hours are numbers above 0, --seed is a whole number');
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
    console.error('chaos: ended before its time; the containers are taken away');
    void cluster.down().finally(() => process.exit(130));
  });
try {
  console.log(
    `chaos: seed ${seed}, ${(scenario.untilMs / 60_000).toFixed(1)} min, ${scenario.faults.length} faults, ${scenario.streams.length} streams`,
  );
  const run = await new Run(scenario, cluster, (text) => console.log(text)).run();
  const violations = judged(run);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ ...run, violations })}\n`);
  for (const { checker, ms, text } of violations)
    console.log(`${checker} at ${(ms / 1_000).toFixed(1)} s: ${text}`);
  console.log(
    violations.length === 0
      ? `chaos: seed ${seed}: every checker is content`
      : `chaos: seed ${seed}: ${violations.length} violations`,
  );
  process.exitCode = violations.length === 0 ? 0 : 1;
} finally {
  await cluster.down();
}
process.exit();
