/**
 * A base image from what is on this machine, for where no registry of images can be reached: the Node binary of the npm
 * package `node`, the libraries it asks for, npm, a shell and `env` for the build stage, and the CAs that this machine trusts.
 * It stands in for an official image of Node; the Dockerfile is the same.
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { getCACertificates } from 'node:tls';
import { output } from '../command.ts';
import { docker, hasImage } from './docker.ts';

/** Its name says what is in it. */
export const LOCAL_BASE = `beacon-node-base:${process.versions.node}`;

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const ACCOUNTS = 'root:x:0:0:root:/root:/bin/sh\nnonroot:x:65532:65532:nonroot:/:/nonexistent\n';
const GROUPS = 'root:x:0:\nnonroot:x:65532:\n';

/** Builds {@link LOCAL_BASE} where it is not there yet. */
export function buildLocalBase(): string {
  if (hasImage(LOCAL_BASE)) return LOCAL_BASE;
  const root = mkdtempSync(join(tmpdir(), 'beacon-base-'));
  try {
    fill(root);
    importTree(root);
  } finally {
    rmSync(root, { recursive: true });
  }
  return LOCAL_BASE;
}

function fill(root: string): void {
  for (const directory of ['etc/ssl/certs', 'root', 'tmp', 'usr/local/bin', 'usr/bin', 'bin'])
    mkdirSync(join(root, directory), { recursive: true });
  chmodSync(join(root, 'tmp'), 0o1777);
  const programs = [
    [process.execPath, 'usr/local/bin/node'],
    ['/bin/sh', 'bin/sh'],
    ['/usr/bin/env', 'usr/bin/env'],
  ] as const;
  for (const [from, to] of programs) addProgram(root, from, to);
  addNpm(root);
  const authorities = ['bundled', 'system', 'extra'] as const;
  const certificates = new Set(authorities.flatMap((type) => getCACertificates(type)));
  writeFileSync(join(root, 'etc/ssl/certs/ca-certificates.crt'), `${[...certificates].join('\n')}\n`);
  symlinkSync('certs/ca-certificates.crt', join(root, 'etc/ssl/cert.pem'));
  writeFileSync(join(root, 'etc/passwd'), ACCOUNTS);
  writeFileSync(join(root, 'etc/group'), GROUPS);
  writeFileSync(join(root, 'etc/nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files dns\n');
}

/** The program, and each library where the loader will look for it. */
function addProgram(root: string, from: string, to: string): void {
  copyFileSync(realpathSync(from), join(root, to));
  for (const library of librariesOf(from)) {
    const target = join(root, library);
    if (existsSync(target)) continue;
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(realpathSync(library), target);
  }
}

/** Paths that ldd names: of libraries (`name => path (address)`) and of the loader (`path (address)`). */
export function librariesOf(program: string): readonly string[] {
  const paths = [...output('ldd', [program]).matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path = '']) => path);
  if (paths.length === 0)
    throw new Error(`ldd names no library of ${program}; a base is made on Linux with glibc only`);
  return paths;
}

function addNpm(root: string): void {
  const script = process.env['npm_execpath'];
  if (!script) throw new Error('run this by npm, as in npm run image: npm is copied from where it runs');
  const library = 'usr/local/lib/node_modules/npm';
  cpSync(join(dirname(realpathSync(script)), '..'), join(root, library), {
    recursive: true,
    dereference: true,
  });
  for (const name of ['npm', 'npx'])
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(root, 'usr/local/bin', name));
}

function importTree(root: string): void {
  const archive = `${root}.tar`;
  try {
    const owner = ['--numeric-owner', '--owner=0', '--group=0', '--sort=name', '--mtime=@0'];
    output('tar', [...owner, '-cf', archive, '-C', root, '.']);
    docker(['import', '--change', `ENV ${PATH}`, '--change', 'CMD ["node"]', archive, LOCAL_BASE]);
  } finally {
    rmSync(archive, { force: true });
  }
}
