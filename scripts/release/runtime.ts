/** The archive with the runtime inside, for machines without Node. */
import { chmodSync, copyFileSync, cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { npm } from '../command.ts';
import { layOut } from '../image/lay-out.ts';
import { tarGz } from './archive.ts';
import type { Part } from './part.ts';
import { VERSION } from './source.ts';

/** What npm needs to install what the lock file says. */
const INSTALL = ['package.json', 'package-lock.json', '.npmrc'];
const PAPERS = ['LICENSE', 'README.md', 'CHANGELOG.md', 'packaging/systemd'];
const RUNTIME_LICENSE = `node_modules/node/node_modules/node-${process.platform}-${process.arch}/LICENSE`;

/** Dependencies are installed anew, so that npm compares them with the lock file. */
export const runtimeArchive: Part = async ({ out, scratch, seconds }) => {
  const name = `beacon-${VERSION}-${process.platform}-${process.arch}`;
  const root = join(scratch, name);
  const installed = join(scratch, 'installed');
  for (const path of [...INSTALL, 'LICENSE', 'dist'])
    cpSync(path, join(installed, path), { recursive: true });
  npm(['ci', '--omit=dev', '--ignore-scripts', '--prefer-offline'], { cwd: installed });
  layOut(installed, root);
  addRuntime(root);
  for (const paper of PAPERS) cpSync(paper, join(root, paper), { recursive: true });
  await tarGz(root, join(out, `${name}.tar.gz`), seconds);
};

/** The Node that runs this script, which is the one that the tests ran on. */
function addRuntime(root: string): void {
  const runtime = join(root, 'lib/node');
  mkdirSync(join(runtime, 'bin'), { recursive: true });
  copyFileSync(process.execPath, join(runtime, 'bin/node'));
  copyFileSync(RUNTIME_LICENSE, join(runtime, 'LICENSE'));
  const launcher = join(root, 'bin/beacon');
  rmSync(launcher);
  copyFileSync('packaging/runtime/beacon', launcher);
  chmodSync(launcher, 0o755);
}
