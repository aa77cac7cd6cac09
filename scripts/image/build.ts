/** Builds the image, with what this machine knows: npm's registry, the commit, the base. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { npm } from '../command.ts';
import { revision, sourceDate, VERSION } from '../release/source.ts';
import { docker, isAvailable } from './docker.ts';
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
  const name = tag ?? `beacon:${VERSION}`;
  const seconds = sourceDate();
  const args: Readonly<Record<string, string>> = {
    NODE_IMAGE: localBase ? buildLocalBase() : (base ?? defaultBase()),
    SOURCE_DATE_EPOCH: String(seconds),
    BEACON_VERSION: VERSION,
    BEACON_REVISION: revision(),
    BEACON_CREATED: new Date(seconds * 1_000).toISOString(),
    ...npmRegistry(),
  };
  const pairs = Object.entries(args).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]);
  docker(['build', '--tag', name, ...pairs, ...(cache ? [] : ['--no-cache']), '.'], { show: true });
  return name;
}

function defaultBase(): string {
  const [, name] = /^ARG NODE_IMAGE=(\S+)/m.exec(readFileSync('Dockerfile', 'utf8')) ?? [];
  if (name === undefined) throw new Error('the Dockerfile names no NODE_IMAGE');
  return isAvailable(name) ? name : buildLocalBase();
}

/** The registry of npm as npm would use it here, and its CA file as one that the build stage finds. */
function npmRegistry(): Readonly<Record<string, string>> {
  const setting = (name: string): string | undefined => {
    const value = npm(['config', 'get', name]);
    return ['', 'null', 'undefined'].includes(value) ? undefined : value;
  };
  const cafile = setting('cafile');
  // An .image/npmrc of the person who builds says more.
  if (cafile !== undefined && existsSync(cafile) && !existsSync('.image/npmrc')) {
    mkdirSync('.image', { recursive: true });
    copyFileSync(cafile, '.image/ca.pem');
    writeFileSync('.image/npmrc', 'cafile=/build/ca.pem\n');
  }
  const url = setting('registry');
  return url === undefined ? {} : { NPM_CONFIG_REGISTRY: url };
}
