/**
 * Makes a release: `npm run release -- --out DIR [options]`. docs/release.md says what it holds and how it is verified.
 *
 *   --out DIR         Where it goes: a folder that is empty or not there yet.
 *   --sign-key FILE   Signs SHA256SUMS by the Ed25519 key (PEM) in FILE. Only what agrees is signed: the same version in
 *                     package.json, CHANGELOG.md, Dockerfile and chart, and a checkout without changes. Without a key it is a
 *                     trial, and what does not agree is a warning.
 *   --only PART,...   These parts only: image, npm, runtime, chart, sbom.
 *
 * SOURCE_DATE_EPOCH is the date of every file; the date of the newest commit otherwise. Exit code 1 when any part cannot be
 * made; nothing is signed then.
 */
import type { KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { output } from './command.ts';
import { disagreements } from './release/agreement.ts';
import { chartPackage } from './release/chart.ts';
import { readSigningKey, signSums, writeSums } from './release/checksums.ts';
import { npmPackage } from './release/npm-package.ts';
import type { Part } from './release/part.ts';
import { runtimeArchive } from './release/runtime.ts';
import { savedImage } from './release/saved-image.ts';
import { sbom } from './release/sbom.ts';
import { sourceDate } from './release/source.ts';

/** Quick ones first: what is missing shows before the image is built. */
const PARTS: ReadonlyMap<string, Part> = new Map(
  Object.entries({ chart: chartPackage, npm: npmPackage, sbom, runtime: runtimeArchive, image: savedImage }),
);

/** Those that hold dist/ as it is built here; the image builds its own. */
const OF_DIST: readonly string[] = ['npm', 'runtime'];

interface Options {
  readonly out: string;
  readonly key: KeyObject | undefined;
  readonly parts: readonly string[];
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: { out: { type: 'string' }, 'sign-key': { type: 'string' }, only: { type: 'string' } },
  });
  if (!values.out) throw new Error('--out DIR is missing');
  const parts = values.only?.split(',') ?? [...PARTS.keys()];
  const unknown = parts.find((part) => !PARTS.has(part));
  if (unknown !== undefined)
    throw new Error(`--only: there is no part "${unknown}"; there are ${[...PARTS.keys()].join(', ')}`);
  const out = resolve(values.out);
  if (existsSync(out) && readdirSync(out).length > 0)
    throw new Error(`${out} is not empty: SHA256SUMS would name files that are not of this release`);
  const key = values['sign-key'] === undefined ? undefined : readSigningKey(values['sign-key']);
  return { out, key, parts };
}

/** Whether each part was made. */
async function make({ out, parts }: Options, scratch: string): Promise<boolean> {
  const failures: string[] = [];
  for (const name of parts) {
    try {
      await PARTS.get(name)?.({ out, scratch, seconds: sourceDate() });
    } catch (error) {
      failures.push(`${name} COULD NOT BE MADE: ${error instanceof Error ? error.message : error}`);
    }
  }
  for (const failure of failures) console.error(`release: ${failure}`);
  return failures.length === 0;
}

async function main(options: Options): Promise<boolean> {
  const found = disagreements();
  for (const each of found) console.error(`release: ${each}`);
  if (options.key && found.length > 0) throw new Error('what does not agree is not signed; nothing was made');
  mkdirSync(options.out, { recursive: true });
  if (options.parts.some((part) => OF_DIST.includes(part)))
    output(process.execPath, ['scripts/build.ts'], { show: true });
  const scratch = mkdtempSync(join(tmpdir(), 'beacon-release-'));
  try {
    if (!(await make(options, scratch))) return false;
  } finally {
    rmSync(scratch, { recursive: true });
  }
  writeSums(options.out);
  if (options.key) signSums(options.out, options.key);
  else console.warn('release: not signed, as no --sign-key is given');
  for (const name of readdirSync(options.out))
    console.log(`${String(statSync(join(options.out, name)).size).padStart(12)} ${name}`);
  return true;
}

try {
  process.exitCode = (await main(readOptions())) ? 0 : 1;
} catch (error) {
  console.error(`release: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
