/** The archive with the runtime inside, for machines without Node. */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { npm, output } from '../command.ts';
import { layOut } from '../image/lay-out.ts';
import { librariesOf } from '../image/local-image.ts';
import { tarGz } from './archive.ts';
import type { Part } from './part.ts';
import { VERSION } from './source.ts';

/** What npm needs to install what the lock file says. */
const INSTALL = ['package.json', 'package-lock.json', '.npmrc'];
const PAPERS = ['LICENSE', 'README.md', 'CHANGELOG.md', 'packaging/systemd'];
/** GCC's library for atomic operations, which Node is linked with and small machines do not have. */
const ATOMIC = 'libatomic.so.1';
const ATOMIC_PAPERS = '/usr/share/doc/libatomic1/copyright';

/** Dependencies are installed anew, so that npm compares them with the lock file. */
export const runtimeArchive: Part = async ({ out, scratch, seconds }) => {
  const name = `beacon-${VERSION}-${process.platform}-${process.arch}`;
  const root = join(scratch, name);
  const installed = join(scratch, 'installed');
  for (const path of [...INSTALL, 'LICENSE', 'dist'])
    cpSync(path, join(installed, path), { recursive: true });
  npm(['ci', '--omit=dev', '--ignore-scripts', '--prefer-offline'], { cwd: installed });
  layOut(installed, root);
  addRuntime(root, join(scratch, 'node'));
  for (const paper of PAPERS) cpSync(paper, join(root, paper), { recursive: true });
  await tarGz(root, join(out, `${name}.tar.gz`), seconds);
};

/** The Node that runs this script, which is the one that the tests ran on, from the package that it came from. */
function addRuntime(root: string, fetched: string): void {
  const spec = `node-${process.platform}-${process.arch}@${process.versions.node}`;
  mkdirSync(fetched);
  npm(['pack', '--pack-destination', fetched, '--ignore-scripts', '--prefer-offline', spec]);
  const [archive = ''] = readdirSync(fetched);
  output('tar', ['-xzf', archive, 'package/bin/node', 'package/LICENSE'], { cwd: fetched });
  const from = join(fetched, 'package');
  if (!readFileSync(join(from, 'bin/node')).equals(readFileSync(process.execPath)))
    throw new Error(`${process.execPath} is not the Node of ${spec}; start this by npm run release`);
  const runtime = join(root, 'lib/node');
  for (const file of ['bin/node', 'LICENSE']) cpSync(join(from, file), join(runtime, file));
  addAtomic(join(runtime, 'bin/node'), join(runtime, 'lib'));
  const launcher = join(root, 'bin/beacon');
  rmSync(launcher);
  copyFileSync('packaging/runtime/beacon', launcher);
  chmodSync(launcher, 0o755);
}

function addAtomic(binary: string, directory: string): void {
  if (process.platform !== 'linux') return;
  const path = librariesOf(binary).find((library) => basename(library) === ATOMIC);
  if (path === undefined) return;
  cpSync(realpathSync(path), join(directory, ATOMIC));
  cpSync(ATOMIC_PAPERS, join(directory, `${ATOMIC}.copyright`));
}
