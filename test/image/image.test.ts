/** The image as `npm run image` builds it and as a release has it, on a real engine. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { npm } from '../../scripts/command.ts';
import { docker } from '../../scripts/image/docker.ts';
import { makePki, writePki } from '../support/certificates.ts';
import { drainIn } from '../support/container-drain.ts';

const VERSION: string = JSON.parse(readFileSync('package.json', 'utf8')).version;
const NAME = `beacon:test-image-${process.pid}`;
const AGAIN = `${NAME}-again`;
const SAVED = `${NAME}-saved`;
/** The bar for the size, in bytes. */
const MOST_BYTES = 300e6;
/** The date of all files, in seconds since 1970; any will do. */
const EPOCH = 1_700_000_000;
const CREATED = '2023-11-14T22:13:20.000Z';
const PORTS = ['7443/tcp', '7946/tcp', '8080/tcp', '8199/tcp', '8443/tcp'];
/** What a careful platform leaves a container. No network is needed, as health is asked from inside. */
const BARE = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--network', 'none'];
/** Programs that a base without a shell does not have, covered by what cannot be run. */
const WITHOUT_SHELL = ['/bin/sh', '/usr/bin/env'].flatMap((path) => ['--volume', `/dev/null:${path}:ro`]);
/** The engine asks sooner than it would, so that the tests are quicker. */
const ASKED_OFTEN = ['--health-interval', '500ms'];
/** How long the engine may take to see a container healthy or not. */
const HEALTH_MS = 60_000;

interface Inspected {
  readonly Size: number;
  readonly Created: string;
  readonly RootFS: { readonly Layers: readonly string[] };
  readonly Config: {
    readonly User: string;
    readonly Entrypoint: readonly string[];
    readonly WorkingDir: string;
    readonly Env: readonly string[];
    readonly ExposedPorts: Readonly<Record<string, object>>;
    readonly Healthcheck: { readonly Test: readonly string[] };
    readonly Labels: Readonly<Record<string, string>>;
  };
}

const root = mkdtempSync(join(tmpdir(), 'beacon-image-test-'));
const pki = writePki(mkdtempSync(join(root, 'pki-')), makePki());
const dated = { env: { ...process.env, SOURCE_DATE_EPOCH: String(EPOCH) } };

function inspect(name: string): Inspected {
  const [image] = JSON.parse(docker(['image', 'inspect', name]));
  return image;
}

/** Runs a script by the Node of the image. */
function inImage(script: string): string {
  return docker(['run', '--rm', ...BARE, '--entrypoint', 'node', NAME, '--eval', script]);
}

/** A relay in a container of its own, which is gone after the test; its name. */
function startRelay(...options: readonly string[]): string {
  const files = ['--volume', `${pki}:/pki:ro`];
  const pair = ['--tls-cert', '/pki/relay.crt', '--tls-key', '/pki/relay.key'];
  const id = docker([
    'run',
    '--detach',
    ...BARE,
    ...ASKED_OFTEN,
    ...files,
    ...options,
    NAME,
    'relay',
    ...pair,
  ]);
  onTestFinished(() => void docker(['rm', '--force', id]));
  return id;
}

/** The first health that the engine sees of it. */
async function health(id: string): Promise<string> {
  const filters = ['--filter', `container=${id}`, '--filter', 'event=health_status'];
  // What was before is told first, so that nothing is missed.
  const events = spawn('docker', ['events', '--since', '10m', ...filters, '--format', '{{.Status}}']);
  onTestFinished(() => void events.kill());
  const signal = AbortSignal.timeout(HEALTH_MS);
  const [line] = await once(createInterface(events.stdout), 'line', { signal });
  return line.replace('health_status: ', '');
}

const exitCode = (id: string): number => Number(docker(['wait', id]));

beforeAll(() => {
  // The key of a test certificate is read by the user of the image.
  chmodSync(root, 0o755);
  chmodSync(pki, 0o755);
  for (const file of readdirSync(pki)) chmodSync(join(pki, file), 0o644);
  npm(['run', 'image', '--', '--tag', NAME], dated);
});

afterAll(() => {
  for (const name of [NAME, AGAIN, SAVED]) spawnSync('docker', ['image', 'rm', '--no-prune', name]);
  rmSync(root, { recursive: true });
});

it('is smaller than 300 MB', () => {
  const { Size: bytes } = inspect(NAME);
  const met = bytes < MOST_BYTES;
  console.log(`size of the image: ${(bytes / 1e6).toFixed(0)} MB, bar 300 MB: ${met ? 'met' : 'MISSED'}`);
  expect(met).toBe(true);
});

it('says what it is, runs as nobody, and asks for its own health', () => {
  const { Config: config } = inspect(NAME);
  expect(config.User).toBe('65532:65532');
  expect(config.Entrypoint).toEqual(['beacon']);
  expect(config.WorkingDir).toBe('/');
  expect(Object.keys(config.ExposedPorts).toSorted()).toEqual(PORTS);
  expect(config.Healthcheck.Test).toEqual(['CMD', 'beacon', 'health']);
  expect(config.Env).toEqual(
    expect.arrayContaining(['MALLOC_ARENA_MAX=2', 'BEACON_ADDR=:8443', 'BEACON_HEALTH_ADDR=:8080']),
  );
  expect(config.Labels).toMatchObject({
    'org.opencontainers.image.title': 'beacon',
    'org.opencontainers.image.licenses': 'Apache-2.0',
    'org.opencontainers.image.version': VERSION,
    'org.opencontainers.image.created': CREATED,
    'org.opencontainers.image.revision': expect.stringMatching(/^([0-9a-f]{40}(-dirty)?|unknown)$/),
  });
  expect(docker(['run', '--rm', ...BARE, NAME, '--version'])).toBe(VERSION);
});

it('holds what runs and nothing that builds', () => {
  const list = (directory: string): string[] =>
    JSON.parse(inImage(`console.log(JSON.stringify(fs.readdirSync('${directory}').toSorted()))`));
  expect(list('/usr/local/lib/beacon')).toEqual(['LICENSE', 'dist', 'node_modules', 'package.json']);
  const packages = list('/usr/local/lib/beacon/node_modules');
  expect(packages).toContain('libp2p');
  for (const name of ['typescript', 'vitest', 'node', '.package-lock.json'])
    expect(packages).not.toContain(name);
  expect(list('/')).not.toContain('build');
});

it('tells nobody where its packages were fetched', () => {
  const history = docker(['history', '--no-trunc', '--format', '{{.CreatedBy}}', NAME]);
  expect(history).not.toContain('NPM_CONFIG');
  const registry = new URL(npm(['config', 'get', 'registry'])).host;
  expect(JSON.stringify(inspect(NAME))).not.toContain(registry);
});

describe('a relay in it', () => {
  it('is healthy on a read-only root, without capabilities, network or shell, and drains when it is stopped', async () => {
    const id = startRelay(...WITHOUT_SHELL);
    expect(await health(id)).toBe('healthy');
    expect(docker(['exec', id, 'beacon', 'status'])).toMatch(/^daemon +relay$/m);
    expect(() => docker(['exec', id, 'sh', '-c', 'true'])).toThrow(/ended with/);
    docker(['stop', '--time', '60', id]);
    expect(exitCode(id)).toBe(0);
    expect(spawnSync('docker', ['logs', id], { encoding: 'utf8' }).stderr).toContain('drain');
  });

  it('runs as any other user', async () => {
    const id = startRelay('--user', '1000730000:0');
    expect(await health(id)).toBe('healthy');
  });

  it('leaves by its own command', async () => {
    const id = startRelay(...WITHOUT_SHELL);
    expect(await health(id)).toBe('healthy');
    drainIn(id, ['beacon', 'drain', '--wait']);
    expect(exitCode(id)).toBe(0);
  });

  it('is unhealthy where nothing answers', async () => {
    const id = startRelay(
      '--health-retries',
      '1',
      '--env',
      'BEACON_HEALTH_ADDR=off',
      '--health-start-period',
      '0s',
    );
    expect(await health(id)).toBe('unhealthy');
  });
});

describe('built again', () => {
  beforeAll(() => {
    npm(['run', 'image', '--', '--tag', AGAIN, '--no-cache'], dated);
  });

  it('has the same bytes in all its layers, with the date that was given', () => {
    expect(inspect(AGAIN).RootFS.Layers).toEqual(inspect(NAME).RootFS.Layers);
    const dates = inImage(`
      const all = fs.readdirSync('/usr/local/lib/beacon', { recursive: true }).map((p) => '/usr/local/lib/beacon/' + p);
      console.log([...new Set(all.map((p) => fs.lstatSync(p).mtimeMs))].join());`);
    expect(dates).toBe(String(EPOCH * 1_000));
  });
});

it('is the same in the archive of a release, which names no day and no container of the build', () => {
  const out = join(root, 'out');
  const env = { ...dated.env, BEACON_IMAGE: SAVED };
  npm(['run', 'release', '--', '--out', out, '--only', 'image'], { env });
  const [archive = ''] = readdirSync(out).filter((name) => name.endsWith('.tar.gz'));
  docker(['load', '--input', join(out, archive)]);
  const loaded = inspect(SAVED);
  expect(loaded.RootFS.Layers).toEqual(inspect(NAME).RootFS.Layers);
  expect(new Date(loaded.Created).toISOString()).toBe(CREATED);
  expect(docker(['run', '--rm', ...BARE, SAVED, '--version'])).toBe(VERSION);
  const [first = ''] = readFileSync(join(out, 'SHA256SUMS'), 'utf8').split(' ');
  expect(first).toMatch(/^[0-9a-f]{64}$/);
});
