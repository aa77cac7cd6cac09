/**
 * A base image from what is on this machine, for where no registry of images can be reached: the Node binary of the npm
 * package `node`, the libraries it asks for, npm, a shell and `env` for the build stage, and the CAs that this machine trusts.
 * It stands in for an official image of Node; the Dockerfile is the same.
 */
import { chmodSync, cpSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { getCACertificates } from 'node:tls';
import { addProgram, buildLocalImage } from './local-image.ts';

/** Its name says what is in it. */
export const LOCAL_BASE = `beacon-node-base:${process.versions.node}`;

const ACCOUNTS = 'root:x:0:0:root:/root:/bin/sh\nnonroot:x:65532:65532:nonroot:/:/nonexistent\n';
const GROUPS = 'root:x:0:\nnonroot:x:65532:\n';

/** Builds {@link LOCAL_BASE} where it is not there yet. */
export function buildLocalBase(): string {
  return buildLocalImage(LOCAL_BASE, ['CMD ["node"]'], fill);
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
