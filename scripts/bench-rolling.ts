/**
 * What must go on while relays are restarted and certificates are changed under load: five rows, each a bar, what was
 * measured, and whether it was met. Exits with 1 when one is missed. It ends by itself, leaves no process behind, and
 * speaks to addresses of 127.0.0.0/8 only. docs/benchmarks.md says what each row means.
 *
 *   npm run bench:rolling -- [--json FILE] [--only restart|idle|moved|hour|certificates] [--quick]
 */
import { parseArgs } from 'node:util';
import { chosen, measureParts, type Part } from './bench/parts.ts';
import { headOf } from './bench/report.ts';
import { BARS } from './bench/rolling/bars.ts';
import { CERTIFICATES, measureCertificates } from './bench/rolling/certificates.ts';
import { measureHour } from './bench/rolling/hour.ts';
import { measureIdle } from './bench/rolling/idle.ts';
import { measureMoved } from './bench/rolling/moved.ts';
import { measureRestart } from './bench/rolling/restart.ts';

interface NamedPart extends Part {
  readonly row: { readonly what: string; readonly bar: string };
}

/** All must be done by then; what is not counts as missed. */
const END_MS = 1_200_000;

const { values: options } = parseArgs({
  options: { json: { type: 'string' }, only: { type: 'string' }, quick: { type: 'boolean', default: false } },
});
const { quick } = options;

const PARTS: readonly NamedPart[] = [
  { name: 'restart', row: headOf(BARS.restart), measure: () => measureRestart(quick) },
  { name: 'idle', row: headOf(BARS.idle), measure: measureIdle },
  { name: 'moved', row: headOf(BARS.moved), measure: () => measureMoved(quick) },
  { name: 'hour', row: headOf(BARS.hour), measure: measureHour },
  { name: 'certificates', row: CERTIFICATES, measure: measureCertificates },
];

const asked = chosen(PARTS, options.only);
await measureParts({
  benchmark: 'rolling',
  table: asked.map(({ row }) => row),
  parts: asked,
  endMs: END_MS,
  json: options.json,
});
// A socket of a process that was killed must not keep us.
process.exit();
