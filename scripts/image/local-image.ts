/** Images from programs of this machine, for where no registry of images can be reached. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { output } from '../command.ts';
import { docker, hasImage } from './docker.ts';

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Makes the image `name` of what `fill` puts into a directory, where it is not there yet; `changes` are lines of a Dockerfile. */
export function buildLocalImage(
  name: string,
  changes: readonly string[],
  fill: (root: string) => void,
): string {
  if (hasImage(name)) return name;
  const root = mkdtempSync(join(tmpdir(), 'beacon-image-'));
  try {
    fill(root);
    importTree(root, name, [`ENV ${PATH}`, ...changes]);
  } finally {
    rmSync(root, { recursive: true });
  }
  return name;
}

/** Copies the program `from` to `to` below `root`, and each library to where the loader will look for it. */
export function addProgram(root: string, from: string, to: string): void {
  for (const [source, path] of [[from, to], ...librariesOf(from).map((library) => [library, library])]) {
    const target = join(root, path as string);
    if (existsSync(target)) continue;
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(realpathSync(source as string), target);
  }
}

/** Paths that ldd names: of libraries (`name => path (address)`) and of the loader (`path (address)`). */
export function librariesOf(program: string): readonly string[] {
  const paths = [...output('ldd', [program]).matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path = '']) => path);
  if (paths.length === 0)
    throw new Error(
      `ldd names no library of ${program}; an image is made of programs on Linux with glibc only`,
    );
  return paths;
}

function importTree(root: string, name: string, changes: readonly string[]): void {
  const archive = `${root}.tar`;
  try {
    const owner = ['--numeric-owner', '--owner=0', '--group=0', '--sort=name', '--mtime=@0'];
    output('tar', [...owner, '-cf', archive, '-C', root, '.']);
    docker(['import', ...changes.flatMap((change) => ['--change', change]), archive, name]);
  } finally {
    rmSync(archive, { force: true });
  }
}
