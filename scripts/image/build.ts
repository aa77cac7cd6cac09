/** Builds the image, with what this machine knows: npm's registry, the commit, the base. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { sourceDate } from '../release/source-date.ts';
import { docker, hasImage } from './docker.ts';
import { buildLocalBase } from './local-base.ts';

export interface ImageOptions {
  /** `beacon:VERSION` where undefined. */
  readonly tag?: string | undefined;
  /** Undefined: that of the Dockerfile, or a local one where that cannot be had. */
  readonly base?: string | undefined;
  readonly localBase?: boolean;
  readonly cache?: boolean;
}

/** Builds it, showing what Docker says, and returns its name. */
export function buildImage({ tag, base, localBase = false, cache = true }: ImageOptions): string {
  const { version }: { readonly version: string } = JSON.parse(readFileSync('package.json', 'utf8'));
  const name = tag ?? `beacon:${version}`;
  const seconds = sourceDate();
  const args: Readonly<Record<string, string>> = {
    NODE_IMAGE: localBase ? buildLocalBase() : (base ?? defaultBase()),
    SOURCE_DATE_EPOCH: String(seconds),
    BEACON_VERSION: version,
    BEACON_REVISION: revision(),
    BEACON_CREATED: new Date(seconds * 1_000).toISOString(),
    ...registry(),
  };
  const pairs = Object.entries(args).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]);
  docker(['build', '--tag', name, ...pairs, ...(cache ? [] : ['--no-cache']), '.'], { stdio: 'inherit' });
  return name;
}

function defaultBase(): string {
  const [, name] = /^ARG NODE_IMAGE=(\S+)/m.exec(readFileSync('Dockerfile', 'utf8')) ?? [];
  if (name === undefined) throw new Error('the Dockerfile names no NODE_IMAGE');
  if (hasImage(name)) return name;
  const { status, stderr } = spawnSync('docker', ['pull', name], {
    stdio: ['ignore', 'inherit', 'pipe'],
    encoding: 'utf8',
  });
  if (status === 0) return name;
  console.warn(`${name} cannot be had, so that the base is made from this machine: ${stderr.trim()}`);
  return buildLocalBase();
}

function revision(): string {
  const { status, stdout } = spawnSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : 'unknown';
}

/** The registry of npm as npm would use it here, and its CA file as one that the build stage finds. */
function registry(): Readonly<Record<string, string>> {
  const setting = (name: string): string | undefined => {
    const { stdout } = spawnSync('npm', ['config', 'get', name], { encoding: 'utf8' });
    const value = stdout?.trim();
    return value && value !== 'null' && value !== 'undefined' ? value : undefined;
  };
  const cafile = setting('cafile');
  // A file of that name is of the person who builds, and says more.
  if (cafile !== undefined && existsSync(cafile) && !existsSync('.image/npmrc')) {
    mkdirSync('.image', { recursive: true });
    copyFileSync(cafile, '.image/ca.pem');
    writeFileSync('.image/npmrc', 'cafile=/build/ca.pem\n');
  }
  const url = setting('registry');
  return url === undefined ? {} : { NPM_CONFIG_REGISTRY: url };
}
