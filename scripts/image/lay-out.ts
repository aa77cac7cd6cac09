/**
 * Lays out what the image adds to its base, from a built checkout with production dependencies only:
 *
 *   node scripts/image/lay-out.ts DIR
 *
 * DIR/lib/beacon is the package, DIR/bin/beacon a link to its binary. Two builds of the same sources give the same bytes,
 * modes and dates (SOURCE_DATE_EPOCH), whoever builds them.
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

const PARTS = ['dist', 'node_modules', 'package.json', 'LICENSE'];
/** npm's notes on what it installed, with the registry it came from, and links to binaries that nobody calls. */
const NOTES = ['node_modules/.package-lock.json', 'node_modules/.bin'];
const BINARY = 'dist/bin/beacon.js';

function layOut(directory: string, seconds: number): void {
  const library = join(directory, 'lib/beacon');
  for (const part of PARTS) cpSync(part, join(library, part), { recursive: true, verbatimSymlinks: true });
  for (const note of NOTES) rmSync(join(library, note), { recursive: true, force: true });
  const binary = join(library, BINARY);
  // The kernel starts Node itself: no `env` is needed, which a base without a shell does not have.
  writeFileSync(binary, readFileSync(binary, 'utf8').replace(/^#!.*/, `#!${process.execPath}`));
  mkdirSync(join(directory, 'bin'));
  symlinkSync(`../lib/beacon/${BINARY}`, join(directory, 'bin/beacon'));
  for (const path of ['.', ...readdirSync(directory, { encoding: 'utf8', recursive: true })])
    settle(join(directory, path), seconds);
}

/** Modes do not depend on the umask of who builds, nor dates on the day. */
function settle(path: string, seconds: number): void {
  const stat = lstatSync(path);
  if (!stat.isSymbolicLink()) chmodSync(path, stat.isDirectory() || path.endsWith(BINARY) ? 0o755 : 0o644);
  lutimesSync(path, seconds, seconds);
}

const [, , directory] = process.argv;
if (directory === undefined) {
  console.error('usage: lay-out.ts DIR');
  process.exitCode = 2;
} else {
  layOut(directory, Number(process.env['SOURCE_DATE_EPOCH'] ?? '0'));
}
