/** A release as `npm run release` makes it: the same bytes whoever makes it and where, verified as docs/release.md says, and it runs. */
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makePkiDirectory, runBeacon, startBeacon } from './support/processes.ts';

const VERSION: string = JSON.parse(readFileSync('package.json', 'utf8')).version;
const RUNTIME = `beacon-${VERSION}-${process.platform}-${process.arch}`;
const NPM_PACKAGE = `beacon-relay-${VERSION}.tgz`;
const SBOM = `beacon-${VERSION}.cdx.json`;
/** The date of what is released here; any will do. */
const EPOCH = 1_700_000_000;
/** Compiles, installs and compresses; a minute on a machine with much else to do. */
const RELEASE_MS = 120_000;

const SOURCES = [
  'src',
  'scripts',
  'packaging',
  'chart',
  'package.json',
  'package-lock.json',
  '.npmrc',
  'tsconfig.json',
  'tsconfig.build.json',
  'LICENSE',
  'README.md',
  'CHANGELOG.md',
  'Dockerfile',
];

const root = mkdtempSync(join(tmpdir(), 'beacon-release-test-'));
afterAll(() => rmSync(root, { recursive: true }));

interface Surroundings {
  /** Where the checkout is, below a folder of the test. */
  readonly folder: string;
  readonly umask: string;
  readonly zone: string;
  /** When its files changed last, in seconds since 1970. */
  readonly changed: number;
}

/** A checkout of a version that its changelog knows. */
function checkout({ folder, umask, changed }: Surroundings): string {
  const directory = join(root, folder);
  for (const source of SOURCES) cpSync(source, join(directory, source), { recursive: true });
  symlinkSync(resolve('node_modules'), join(directory, 'node_modules'));
  const changelog = readFileSync('CHANGELOG.md', 'utf8').replace(/^## \[.*/m, `## [${VERSION}] - 2026-01-01`);
  writeFileSync(join(directory, 'CHANGELOG.md'), changelog);
  const mode = umask === '077' ? 'go-rwx' : 'go=u-w';
  spawnSync('chmod', ['-R', mode, ...SOURCES], { cwd: directory });
  for (const path of globSync(SOURCES, { cwd: directory }))
    utimesSync(join(directory, path), changed, changed);
  return directory;
}

function release(directory: string, { umask, zone }: Surroundings, args: readonly string[]) {
  const line = [process.execPath, 'scripts/release.ts', ...args];
  return spawnSync('/bin/sh', ['-c', `umask ${umask} && exec "$@"`, 'sh', ...line], {
    cwd: directory,
    encoding: 'utf8',
    env: { ...process.env, TZ: zone, SOURCE_DATE_EPOCH: String(EPOCH) },
  });
}

const HERE: Surroundings = { folder: 'here', umask: '022', zone: 'UTC', changed: 1_600_000_000 };
const THERE: Surroundings = {
  folder: 'some where/else',
  umask: '077',
  zone: 'Pacific/Auckland',
  changed: 1_750_000_000,
};
const KEY = join(root, 'release.key');
const OUT = join(root, 'out');

let here = '';

beforeAll(() => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  writeFileSync(KEY, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  here = checkout(HERE);
  const made = release(here, HERE, ['--out', OUT, '--sign-key', KEY, '--only', 'npm,sbom,runtime']);
  expect(made.stderr).toBe('');
  expect(made.status).toBe(0);
  writeFileSync(join(root, 'beacon-release.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
}, RELEASE_MS);

/** The commands of the section "Verify", run on a copy of the release that `change` may spoil first. */
function verify(change: (directory: string) => void = () => {}) {
  const directory = mkdtempSync(join(root, 'verify-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  cpSync(OUT, directory, { recursive: true });
  cpSync(join(root, 'beacon-release.pub'), join(directory, 'beacon-release.pub'));
  change(directory);
  const [, section = ''] = readFileSync('docs/release.md', 'utf8').split('\n## Verify\n');
  const [, commands] = /```sh verify\n(.*?)```/s.exec(section) ?? [];
  expect(commands).toMatch(/^openssl /);
  return spawnSync('/bin/sh', ['-e', '-c', commands ?? ''], { cwd: directory, encoding: 'utf8' });
}

/** Turns one bit of the file. */
function spoil(file: string): void {
  const bytes = readFileSync(file);
  const at = Math.floor(bytes.length / 2);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  writeFileSync(file, bytes);
}

describe('what was signed', () => {
  it('is verified by the lines of docs/release.md', () => {
    const { status, stdout } = verify();
    expect(stdout).toContain('Signature Verified Successfully');
    for (const name of [NPM_PACKAGE, SBOM, `${RUNTIME}.tar.gz`]) expect(stdout).toContain(`${name}: OK`);
    expect(status).toBe(0);
  });

  it.each([NPM_PACKAGE, SBOM, `${RUNTIME}.tar.gz`, 'SHA256SUMS', 'SHA256SUMS.sig'])(
    'is not with one bit of %s changed',
    (name) => expect(verify((directory) => spoil(join(directory, name))).status).not.toBe(0),
  );

  it('is not by the key of somebody else', () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const other = publicKey.export({ type: 'spki', format: 'pem' });
    expect(
      verify((directory) => writeFileSync(join(directory, 'beacon-release.pub'), other)).status,
    ).not.toBe(0);
  });
});

describe('a second release of the same sources, in another folder, on other dates, with another umask and time zone', () => {
  const out = join(root, 'out-there');

  beforeAll(() => {
    const made = release(checkout(THERE), THERE, ['--out', out, '--only', 'npm,sbom']);
    expect(made.status, made.stderr).toBe(0);
  }, RELEASE_MS);

  it.each([NPM_PACKAGE, SBOM])('has the same bytes in %s', (name) => {
    expect(readFileSync(join(out, name)).equals(readFileSync(join(OUT, name)))).toBe(true);
  });
});

describe('what it refuses', () => {
  const attempt = (...args: readonly string[]) => release(here, HERE, args);
  const free = join(root, 'free');

  it('a key that others can read', () => {
    const readable = join(root, 'readable.key');
    writeFileSync(readable, readFileSync(KEY), { mode: 0o644 });
    const { status, stderr } = attempt('--out', free, '--sign-key', readable);
    expect(stderr).toContain(`chmod 0600 ${readable}`);
    expect(status).toBe(1);
  });

  it('a key of another kind', () => {
    const rsa = join(root, 'rsa.key');
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    writeFileSync(rsa, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    expect(attempt('--out', free, '--sign-key', rsa).stderr).toContain('releases are signed by Ed25519');
  });

  it('to sign with a key other than the published one', () => {
    const published = join(here, 'packaging/beacon-release.pub');
    const { publicKey } = generateKeyPairSync('ed25519');
    writeFileSync(published, publicKey.export({ type: 'spki', format: 'pem' }));
    onTestFinished(() => rmSync(published));
    expect(attempt('--out', free, '--sign-key', KEY).stderr).toContain('nobody could verify it');
  });

  it.each([
    ['the changelog', 'CHANGELOG.md', /^## \[.*/m, '## [9.9.9] - 2026-01-01'],
    ['the Dockerfile', 'Dockerfile', /^ARG BEACON_VERSION=.*/m, 'ARG BEACON_VERSION=9.9.9'],
    ['the chart', 'chart/Chart.yaml', /^appVersion:.*/m, 'appVersion: "9.9.9"'],
  ])('to sign another version in %s', (_, file, line, other) => {
    const path = join(here, file);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace(line, other));
    onTestFinished(() => writeFileSync(path, text));
    const { status, stderr } = attempt('--out', free, '--sign-key', KEY, '--only', 'sbom');
    expect(stderr).toContain(`says 9.9.9, package.json says ${VERSION}`);
    expect(status).toBe(1);
  });

  it('to sign what no commit has', () => {
    const git = (...args: readonly string[]) => spawnSync('git', args, { cwd: here });
    git('init', '--quiet');
    onTestFinished(() => rmSync(join(here, '.git'), { recursive: true }));
    git(
      '-c',
      'user.name=a',
      '-c',
      'user.email=a@example.com',
      'commit',
      '--quiet',
      '--allow-empty',
      '-m',
      'none',
    );
    const { status, stderr } = attempt('--out', free, '--sign-key', KEY, '--only', 'sbom');
    expect(stderr).toContain('the checkout has changes that no commit has');
    expect(status).toBe(1);
  });

  it('a folder with something in it', () => {
    expect(attempt('--out', OUT, '--only', 'sbom').stderr).toContain('is not empty');
  });

  it('a part that there is not', () => {
    expect(attempt('--out', free, '--only', 'rpm').stderr).toContain('there is no part "rpm"');
  });

  it('to go on without its chart', () => {
    rmSync(join(here, 'chart'), { recursive: true });
    onTestFinished(() => cpSync('chart', join(here, 'chart'), { recursive: true }));
    const { status, stderr } = attempt('--out', free, '--only', 'chart');
    expect(stderr).toContain('chart COULD NOT BE MADE: there is no chart/Chart.yaml');
    expect(status).toBe(1);
    expect(readdirSync(free)).not.toContain('SHA256SUMS');
  });
});

describe('the archive with the runtime', () => {
  /** Nothing of this machine is on its path. */
  const alone = { PATH: '', NODE_COMPILE_CACHE: '' };
  const program = join(root, 'a folder', RUNTIME, 'bin/beacon');

  beforeAll(() => {
    mkdirSync(join(root, 'a folder'));
    const { status } = spawnSync('tar', [
      '-xzf',
      join(OUT, `${RUNTIME}.tar.gz`),
      '-C',
      join(root, 'a folder'),
    ]);
    expect(status).toBe(0);
  });

  it('runs from a folder with a blank in its name, without anything on the path', async () => {
    const { code, out, error } = await runBeacon(['--version'], { program, env: alone });
    expect({ code, out, error }).toEqual({ code: 0, out: `${VERSION}\n`, error: '' });
  });

  it('runs by a link that stands elsewhere', async () => {
    const link = join(root, 'beacon');
    symlinkSync(program, link);
    expect((await runBeacon(['--version'], { program: link, env: alone })).out).toBe(`${VERSION}\n`);
  });

  it('is the process that gets the signals, with all that a relay of a cluster needs', async () => {
    const { relayArgs, file, remove } = await makePkiDirectory();
    onTestFinished(remove);
    writeFileSync(file('cluster.secret'), `${randomBytes(32).toString('base64')}\n`);
    const cluster = ['--cluster-secret-file', file('cluster.secret'), '--cluster-peer', 'b=127.0.0.1:1'];
    const own = ['--node-name', 'a', '--cluster-addr', '127.0.0.1:0', '--forward-addr', '127.0.0.1:0'];
    const relay = await startBeacon(relayArgs(...cluster, ...own), { program, env: alone });
    expect(await relay.stop()).toEqual({ code: 0, signal: null });
  });

  it('has the licences of what is in it', () => {
    const text = (path: string): string => readFileSync(join(root, 'a folder', RUNTIME, path), 'utf8');
    expect(text('LICENSE')).toBe(readFileSync('LICENSE', 'utf8'));
    expect(text('lib/node/LICENSE')).toContain('Node.js is licensed for use as follows');
  });
});

it('the image has the release of Node that the tests ran on', () => {
  const [, major] = /^ARG NODE_IMAGE=node:(\d+)-slim$/m.exec(readFileSync('Dockerfile', 'utf8')) ?? [];
  expect(process.versions.node.split('.')[0]).toBe(major);
});

it('the SBOM names every package at run time, Node, and no registry', () => {
  const bom = JSON.parse(readFileSync(join(OUT, SBOM), 'utf8'));
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  const names: readonly string[] = bom.components.map(({ name }: { name: string }) => name);
  expect(names).toEqual(expect.arrayContaining([...Object.keys(dependencies), 'node']));
  expect(names).not.toContain('vitest');
  expect(bom.metadata.timestamp).toBe(new Date(EPOCH * 1_000).toISOString());
  expect(bom.metadata.component.name).toBe('beacon-relay');
  expect(JSON.stringify(bom)).not.toMatch(/"type":"distribution"/);
});
