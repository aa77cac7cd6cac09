/** The version of this build. package.json is the only place where it is written. */
import assert from 'node:assert';
import { readFileSync } from 'node:fs';

const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
assert(typeof manifest === 'object' && manifest !== null && 'version' in manifest);
assert(typeof manifest.version === 'string');

/** For example `0.1.0`. */
export const VERSION: string = manifest.version;

/** What bridge and broker call themselves in HELLO. */
export const SOFTWARE = `beacon/${VERSION}`;
