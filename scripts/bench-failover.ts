/**
 * What a tunnel that survives any relay must reach: eleven rows, each a bar, what was measured, and whether it was met.
 * Exits with 1 when one is missed. It ends by itself, leaves no process behind, and speaks to addresses of 127.0.0.0/8
 * only. docs/benchmarks.md says what each row means.
 *
 *   npm run bench:failover -- [--json FILE] [--only kills|legs|outage|posts|overhead|memory|crowd|rebuild] [--quick]
 */
import { parseArgs } from 'node:util';
import { BARS } from './bench/failover/bars.ts';
import { measureMemory, measureOverhead } from './bench/failover/costs.ts';
import { measureKills } from './bench/failover/kills.ts';
import { measureLegs } from './bench/failover/legs.ts';
import { measureCrowd, measureRebuild } from './bench/failover/many.ts';
import { measureOutage, measurePosts } from './bench/failover/outage.ts';
import { FULL, QUICK, Scene } from './bench/failover/scene.ts';
import { chosen, measureParts, type Part } from './bench/parts.ts';
import { headOf, type Row } from './bench/report.ts';

type Name = keyof typeof BARS;

interface NamedPart extends Part {
  readonly rows: readonly Name[];
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

const PARTS: readonly NamedPart[] = [
  { name: 'kills', rows: ['loss', 'stall'], measure: onScene(measureKills) },
  { name: 'legs', rows: ['single', 'hole', 'dropped'], measure: onScene(measureLegs) },
  { name: 'outage', rows: ['outage'], measure: onScene(measureOutage) },
  { name: 'posts', rows: ['posts'], measure: onScene(measurePosts) },
  { name: 'overhead', rows: ['overhead'], measure: onScene(measureOverhead) },
  { name: 'memory', rows: ['memory'], measure: measureMemory },
  { name: 'crowd', rows: ['crowd'], measure: () => measureCrowd(scale.quick) },
  { name: 'rebuild', rows: ['rebuild'], measure: () => measureRebuild(scale.quick) },
];

const asked = chosen(PARTS, options.only);
await measureParts({
  benchmark: 'failover',
  table: (Object.keys(BARS) as Name[])
    .filter((name) => asked.some(({ rows }) => rows.includes(name)))
    .map((name) => headOf(BARS[name])),
  parts: asked,
  endMs: options.quick ? END_MS.quick : END_MS.full,
  json: options.json,
});
await scene?.then((each) => each.stop()).catch(() => {});
// A socket of a process that was killed must not keep us.
process.exit();
