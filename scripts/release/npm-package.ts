/** The package for npm. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { npm } from '../command.ts';
import { settle } from '../image/lay-out.ts';
import type { Part } from './part.ts';

/** Paths of what npm would pack. Newer releases of npm print an object keyed by package name, older ones a list. */
export function packedFiles(): readonly string[] {
  const printed: unknown = JSON.parse(npm(['pack', '--dry-run', '--json', '--ignore-scripts']));
  const [first] = Object.values(printed as Record<string, { files: readonly { path: string }[] }>);
  if (!first) throw new Error('npm pack printed nothing');
  return first.files.map(({ path }) => path);
}

/** npm takes modes as it finds them, so that the umask of a checkout would be in the package: it packs a settled copy. */
export const npmPackage: Part = async ({ out, scratch, seconds }) => {
  const copy = join(scratch, 'npm');
  for (const path of packedFiles()) cpSync(path, join(copy, path));
  settle(copy, seconds);
  npm(['pack', '--ignore-scripts', '--pack-destination', out], { cwd: copy });
};
