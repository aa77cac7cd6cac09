/**
 * Keeps the rules of the project: who may import whom, sizes, banned calls, tests beside sources, no loose ends.
 * Each message names file, line and what to do. That the rules find what they look for is shown by
 * tidy-rules.test.ts.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkCalls } from './support/tidy/calls.ts';
import {
  checkCycles,
  checkFolders,
  checkModules,
  type FolderTable,
  type ModuleTable,
} from './support/tidy/imports.ts';
import {
  checkFileSize,
  checkFunctionSize,
  checkLimits,
  checkMarks,
  withoutTest,
} from './support/tidy/shape.ts';
import { type Finding, findFiles, readSources, report, type Source } from './support/tidy/source.ts';

/** Downwards only: each folder, and the folders below it that it may import. */
const FOLDERS: FolderTable = {
  base: [],
  config: ['base'],
  net: ['base'],
  wire: ['base'],
  pki: ['base', 'wire'],
  admin: ['base', 'config', 'net'],
  cluster: ['base', 'config', 'net', 'pki', 'wire'],
  tunnel: ['base', 'config', 'net', 'pki', 'wire'],
  relay: ['base', 'config', 'net', 'pki', 'wire', 'cluster', 'admin'],
  bridge: ['base', 'config', 'net', 'pki', 'wire', 'tunnel', 'admin'],
  broker: ['base', 'config', 'net', 'pki', 'wire', 'tunnel', 'admin'],
  doctor: ['base', 'config', 'net', 'pki', 'wire', 'tunnel', 'bridge', 'broker'],
  cli: ['base', 'config', 'net', 'pki', 'relay', 'bridge', 'broker', 'doctor', 'admin'],
  bin: ['base', 'cli'],
};

/** Modules that only some folders may import; an empty list: none. */
const MODULES: ModuleTable = {
  'node:net': ['net'],
  'node:tls': ['net'],
  'node:dns': ['net'],
  'node:dns/promises': ['net'],
  'node:http2': ['tunnel'],
  'node:http': ['admin'],
  'node:https': [],
  'node:dgram': [],
  'node:child_process': ['cli'],
  'node:cluster': [],
  'node:worker_threads': [],
  'node:timers': ['base'],
  'node:timers/promises': ['base'],
  commander: ['cli'],
  pino: ['base'],
  'pino-pretty': ['base'],
  cborg: ['cluster'],
  'prom-client': ['admin'],
  'ipaddr.js': ['base', 'net'],
  '@peculiar/asn1-schema': ['pki'],
  '@peculiar/asn1-x509': ['pki'],
};

const FILE_LINES = 400;
const FUNCTION_LINES = 60;
const BIN_LINES = 40;
/** Share of sources that have a test file of their own. */
const MIRRORED = 0.9;

const MANIFEST: Readonly<Record<'dependencies' | 'devDependencies', Readonly<Record<string, string>>>> =
  JSON.parse(readFileSync('package.json', 'utf8'));

const sources = readSources('src/**/*.ts');
const helpers = ['scripts', 'compose', 'test/support', 'test/scenario', 'test/sim', 'test/chaos'].flatMap(
  (folder) => readSources(`${folder}/**/*.ts`),
);
const tests = readSources('test/**/*.test.ts');
const everything = [...sources, ...helpers, ...tests];

function expectNone(findings: readonly Finding[]): void {
  expect(report(findings)).toBe('');
}

describe('imports', () => {
  it('reads the sources at all', () => {
    expect(sources.length).toBeGreaterThan(40);
    expect(tests.length).toBeGreaterThan(40);
  });

  it('go downwards only', () => expectNone(checkFolders(sources, FOLDERS)));

  it('of modules stay in their folders', () => {
    expectNone(checkModules(sources, MODULES, Object.keys(MANIFEST.dependencies)));
  });

  it('make no circle, types included', () => expectNone(checkCycles(everything)));
});

describe('sizes', () => {
  it(`are at most ${FILE_LINES} lines a file`, () => {
    expectNone(everything.flatMap((source) => checkFileSize(source, FILE_LINES)));
  });

  it(`are at most ${FUNCTION_LINES} lines a function`, () => {
    expectNone([...sources, ...helpers].flatMap((source) => checkFunctionSize(source, FUNCTION_LINES)));
  });

  it(`are at most ${BIN_LINES} lines a binary`, () => {
    const binaries = sources.filter(({ path }) => path.startsWith('src/bin/'));
    expectNone(binaries.flatMap((source) => checkFileSize(source, BIN_LINES)));
  });
});

describe('code', () => {
  it('calls nothing that has a replacement', () => expectNone(sources.flatMap(checkCalls)));

  it('is finished', () => {
    const texts = findFiles('{src,test,scripts,compose,docs,.ci}/**/*.{ts,md,sh,yml,cfg}').concat(
      findFiles('*.{json,md,ts}').filter((path) => path !== 'package-lock.json'),
      findFiles('.ci/run'),
    );
    expectNone(texts.flatMap((path) => checkMarks(path, readFileSync(path, 'utf8'))));
  });

  it('keeps only limits that have a reason and a use', () => {
    const isLimits = ({ path }: Source): boolean => path.startsWith('src/base/limits/');
    const limits = sources.filter((source) => isLimits(source) && !source.path.endsWith('/units.ts'));
    expect(limits.length).toBeGreaterThan(2);
    const users = sources.filter((source) => !isLimits(source));
    expectNone(limits.flatMap((source) => checkLimits(source, users)));
  });
});

describe('files', () => {
  it('of tests mirror those of src', () => {
    const missing = withoutTest(
      sources,
      tests.map(({ path }) => path),
    );
    if (missing.length > 0) console.info(`no test file of their own yet:\n${missing.join('\n')}`);
    const advice = `without a test file of their own:\n${missing.join('\n')}`;
    expect(missing.length, advice).toBeLessThanOrEqual(sources.length * (1 - MIRRORED));
  });

  it('have a line for each dependency in docs/decisions/dependencies.md', () => {
    const text = readFileSync('docs/decisions/dependencies.md', 'utf8');
    const names = Object.keys({ ...MANIFEST.dependencies, ...MANIFEST.devDependencies });
    expect(names.filter((name) => !text.includes(`| \`${name}\` |`))).toEqual([]);
  });
});
