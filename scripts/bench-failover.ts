/**
 * What a tunnel that survives any relay must reach: eleven rows, each a bar, what was measured, and whether it was met.
 * Exits with 1 when one is missed. It ends by itself, leaves no process behind, and speaks to addresses of 127.0.0.0/8
 * only. docs/benchmarks.md says what each row means.
 *
 *   npm run bench:failover -- [--json FILE] [--only kills|legs|outage|posts|overhead|memory|crowd|rebuild] [--quick]
 */
import { parseArgs } from 'node:util';
import { systemClock } from '../src/base/clock.ts';
import { messageOf } from '../src/base/errors.ts';
import { headOf, NAMES } from './bench/failover/bars.ts';
import { measureMemory, measureOverhead } from './bench/failover/costs.ts';
import { measureKills } from './bench/failover/kills.ts';
import { measureLegs } from './bench/failover/legs.ts';
import { measureCrowd, measureRebuild } from './bench/failover/many.ts';
import { measureOutage, measurePosts } from './bench/failover/outage.ts';
import { FULL, QUICK, Scene } from './bench/failover/scene.ts';
import { finish, notMeasured, type Row, rounded } from './bench/report.ts';

type Name = (typeof NAMES)[number];

interface Part {
  readonly name: string;
  readonly rows: readonly Name[];
  readonly measure: () => Promise<Row[]>;
}

/** All must be done by then; what is not counts as missed. */
const END_MS = { full: 780_000, quick: 240_000 };

const { values: options } = parseArgs({
  options: { json: { type: 'string' }, only: { type: 'string' }, quick: { type: 'boolean', default: false } },
});
const scale = options.quick ? QUICK : FULL;
let scene: Promise<Scene> | undefined;

const onScene =
  (measure: (scene: Scene) => Promise<Row[]>): (() => Promise<Row[]>) =>
  async () => {
    scene ??= Scene.start(scale);
    return measure(await scene);
  };

const PARTS: readonly Part[] = [
  { name: 'kills', rows: ['loss', 'stall'], measure: onScene(measureKills) },
  { name: 'legs', rows: ['single', 'hole', 'dropped'], measure: onScene(measureLegs) },
  { name: 'outage', rows: ['outage'], measure: onScene(measureOutage) },
  { name: 'posts', rows: ['posts'], measure: onScene(measurePosts) },
  { name: 'overhead', rows: ['overhead'], measure: onScene(measureOverhead) },
  { name: 'memory', rows: ['memory'], measure: measureMemory },
  { name: 'crowd', rows: ['crowd'], measure: () => measureCrowd(scale.quick) },
  { name: 'rebuild', rows: ['rebuild'], measure: () => measureRebuild(scale.quick) },
];

const rows = new Map<string, Row>();
const asked = PARTS.filter(({ name }) => options.only === undefined || options.only === name);
let failure = 'the time was up';

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const end = systemClock.after(options.quick ? END_MS.quick : END_MS.full, () => {
  report();
  process.exit();
});
for (const part of asked) await run(part);
end.cancel();
await scene?.then((each) => each.stop()).catch(() => {});
report();
// A socket of a process that was killed must not keep us.
process.exit();

async function run({ name, measure }: Part): Promise<void> {
  const start = systemClock.now();
  try {
    for (const row of await measure()) rows.set(row.what, row);
  } catch (error) {
    failure = messageOf(error);
    console.error(error);
  }
  console.error(`${name}: ${rounded((systemClock.now() - start) / 1_000)} s`);
}

function report(): void {
  const names = NAMES.filter((name) => asked.some((part) => part.rows.includes(name)));
  const all = names.map((name) => {
    const { what, bar } = headOf(name);
    return rows.get(what) ?? notMeasured(what, bar, failure);
  });
  finish('failover', all, options.json);
}
