/** Archives whose bytes depend on nothing but what is in them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { CommandError, output } from '../command.ts';
import { settle } from '../image/lay-out.ts';

/** Who packed, and in which order a file system lists, is not in it. GNU tar knows these. */
const SAME_BYTES = ['--format=gnu', '--numeric-owner', '--owner=0', '--group=0', '--sort=name'];

/** Writes `names` of `directory`, settled to that date, to `file` as tar. */
export function tar(directory: string, names: readonly string[], file: string, seconds: number): void {
  settle(directory, seconds);
  output('tar', [...SAME_BYTES, '-cf', file, '-C', directory, ...names]);
}

/** Writes `directory`, with its name as the first part of each path, to `file` as tar and gzip. */
export async function tarGz(directory: string, file: string, seconds: number): Promise<void> {
  settle(directory, seconds);
  const args = [...SAME_BYTES, '-cf', '-', '-C', dirname(directory), basename(directory)];
  const packing = spawn('tar', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [[code]] = await Promise.all([once(packing, 'close'), gzip(packing.stdout, file)]);
  if (code !== 0) throw new CommandError(`tar of ${directory} ended with ${code}`);
}

/** Node's zlib writes neither name nor date into the header. */
export async function gzip(from: Readable, to: string): Promise<void> {
  await pipeline(from, createGzip(), createWriteStream(to));
}
