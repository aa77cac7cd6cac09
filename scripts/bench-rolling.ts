/**
 * What must go on while things are changed under load: prints bar, measured value and met or missed a row, and exits with 1
 * when one is missed. docs/benchmarks.md says what each row means.
 *
 *     npm run bench:rolling -- [--json FILE] [--only certificates]
 */
import { parseArgs } from 'node:util';
import { chosen, measureParts, type Part } from './bench/parts.ts';
import { CERTIFICATES, measureCertificates } from './bench/rolling/certificates.ts';

interface NamedPart extends Part {
  readonly rows: readonly { readonly what: string; readonly bar: string }[];
}

/** All must be done by then; what is not counts as missed. */
const END_MS = 600_000;

const PARTS: readonly NamedPart[] = [
  { name: 'certificates', rows: [CERTIFICATES], measure: measureCertificates },
];

const { values: options } = parseArgs({ options: { json: { type: 'string' }, only: { type: 'string' } } });
const asked = chosen(PARTS, options.only);
await measureParts({
  benchmark: 'rolling',
  table: asked.flatMap(({ rows }) => rows),
  parts: asked,
  endMs: END_MS,
  json: options.json,
});
// A socket of a process that was killed must not keep us.
process.exit();
