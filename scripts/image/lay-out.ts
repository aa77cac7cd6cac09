/**
 * Lays out a built checkout with production dependencies only, as the image and the archive with the runtime have it:
 * DIR/lib/beacon is the package, DIR/bin/beacon a link to its binary. In the build stage of the image:
 *
 *   node scripts/image/lay-out.ts DIR
 *
 * Imports nothing of ours: that stage has no other script.
 */
import {
  chmodSync,
  cpSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** Of the package, from its folder. */
export const BINARY = 'dist/bin/beacon.js';
const PARTS = ['dist', 'node_modules', 'package.json', 'LICENSE'];
/** npm's notes on what it installed, with the registry it came from, and links to binaries that nobody calls. */
const NOTES = ['node_modules/.package-lock.json', 'node_modules/.bin'];

/** Fills `directory` from the checkout `from`. */
export function layOut(from: string, directory: string): void {
  const library = join(directory, 'lib/beacon');
  for (const part of PARTS)
    cpSync(join(from, part), join(library, part), { recursive: true, verbatimSymlinks: true });
  for (const note of NOTES) rmSync(join(library, note), { recursive: true, force: true });
  mkdirSync(join(directory, 'bin'));
  symlinkSync(`../lib/beacon/${BINARY}`, join(directory, 'bin/beacon'));
}

/** Gives all below `directory`, and itself, modes that do not depend on a umask, and one date (seconds since 1970). */
export function settle(directory: string, seconds: number): void {
  for (const name of ['.', ...readdirSync(directory, { encoding: 'utf8', recursive: true })]) {
    const path = join(directory, name);
    const stat = lstatSync(path);
    const executable = stat.isDirectory() || (stat.mode & 0o100) !== 0;
    if (!stat.isSymbolicLink()) chmodSync(path, executable ? 0o755 : 0o644);
    lutimesSync(path, seconds, seconds);
  }
}

function main(directory: string): void {
  const local = join(directory, 'usr/local');
  mkdirSync(local, { recursive: true });
  layOut('.', local);
  const binary = join(local, 'lib/beacon', BINARY);
  // The kernel starts Node itself: no `env` is needed, which a base without a shell does not have.
  writeFileSync(binary, readFileSync(binary, 'utf8').replace(/^#!.*/, `#!${process.execPath}`));
  settle(directory, Number(process.env['SOURCE_DATE_EPOCH'] ?? '0'));
}

if (import.meta.main) {
  const [, , directory] = process.argv;
  if (directory === undefined) {
    console.error('usage: lay-out.ts DIR');
    process.exitCode = 2;
  } else {
    main(directory);
  }
}
