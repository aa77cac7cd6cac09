/** Plants one violation of each tidy rule and shows that it is found, where it is, and that its neighbour is not. */
import { describe, expect, it } from 'vitest';
import { checkCalls } from './support/tidy/calls.ts';
import { checkCycles, checkFolders, checkModules } from './support/tidy/imports.ts';
import {
  checkFileSize,
  checkFunctionSize,
  checkLimits,
  checkMarks,
  isTypeOnly,
  withoutTest,
} from './support/tidy/shape.ts';
import { type Finding, parseSource, report } from './support/tidy/source.ts';

const places = (findings: readonly Finding[]) => findings.map(({ path, line }) => `${path}:${line}`);

describe('checkFolders', () => {
  const table = { net: ['base'], base: [] };
  const check = (path: string, text: string) => checkFolders([parseSource(path, text)], table);

  it.each([
    "import { a } from '../wire/a.ts';",
    "import type { A } from '../wire/a.ts';",
    "export { a } from '../wire/a.ts';",
    "export * from '../wire/a.ts';",
    "const a = await import('../wire/a.ts');",
    "type A = import('../wire/a.ts').A;",
  ])('finds %s', (line) => {
    const findings = check('src/net/b.ts', `\n${line}`);
    expect(places(findings)).toEqual(['src/net/b.ts:2']);
    expect(report(findings)).toContain('src/net may not import src/wire');
  });

  it('leaves alone what the table allows', () => {
    expect(check('src/net/b.ts', "import '../base/a.ts';\nimport './c.ts';\nimport 'node:net';")).toEqual([]);
  });

  it('finds a folder that is not in the table, and an import from outside src', () => {
    expect(report(check('src/new/b.ts', "import './c.ts';"))).toContain('not in the table');
    expect(report(check('src/net/b.ts', "import '../../test/c.ts';"))).toContain('outside src');
  });
});

describe('checkModules', () => {
  const table = { 'node:net': ['net'], 'node:https': [] };
  const check = (path: string, text: string) =>
    report(checkModules([parseSource(path, text)], table, ['pino']));

  it.each([
    ["import 'node:net';", 'src/net only'],
    ["import type { Socket } from 'node:net';", 'src/net only'],
    ["import 'node:https';", 'is not used in src'],
    ["import 'fs';", 'write node:fs'],
    ["import 'vitest';", 'not among the run-time dependencies'],
    ["import '@a/b/c';", '@a/b is not among'],
    ['await import(name);', 'computed name'],
  ])('finds %s', (line, advice) => {
    expect(check('src/wire/a.ts', line)).toContain(advice);
  });

  it('leaves alone what is allowed', () => {
    expect(check('src/net/a.ts', "import 'node:net';\nimport 'node:fs';\nimport 'pino';")).toBe('');
  });
});

describe('checkCycles', () => {
  const source = (name: string, ...targets: readonly string[]) =>
    parseSource(
      `src/net/${name}.ts`,
      targets.map((target) => `import type { T } from './${target}.ts';`).join('\n'),
    );

  it('finds a circle once, and names all of it', () => {
    const findings = checkCycles([source('a', 'd', 'b'), source('b', 'c'), source('c', 'a'), source('d')]);
    expect(places(findings)).toEqual(['src/net/a.ts:2']);
    expect(report(findings)).toContain('src/net/a.ts -> src/net/b.ts -> src/net/c.ts -> src/net/a.ts');
  });

  it('finds a file that imports itself', () => {
    expect(checkCycles([source('a', 'a')])).toHaveLength(1);
  });

  it('leaves a diamond alone', () => {
    expect(checkCycles([source('a', 'b', 'c'), source('b', 'd'), source('c', 'd'), source('d')])).toEqual([]);
  });
});

describe('checkCalls', () => {
  const check = (path: string, text: string) => checkCalls(parseSource(path, text));

  it.each([
    ['Date.now()', 'clock.wall()'],
    ['new Date()', 'clock.wall()'],
    ['performance.now()', 'clock.now()'],
    ['setTimeout(f, 1)', 'clock.after()'],
    ['globalThis.setTimeout(f, 1)', 'clock.after()'],
    ['use(setInterval)', 'clock.every()'],
    ['setImmediate(f)', 'clock.after(0'],
    ['Math.random()', 'random.fraction()'],
    ["import { randomBytes } from 'node:crypto'", 'random.bytes()'],
    ['crypto.randomBytes(8)', 'random.bytes()'],
    ["console.log('a')", 'Log'],
    ['process.exit(1)', 'only src/bin'],
    ['process.env', 'src/config'],
    ["throw new Error('a')", 'BeaconError'],
    ["socket.destroy(new TypeError('a'))", 'BeaconError'],
    ['class A extends Error {}', 'second error class'],
    ["if (error.message.includes('a')) f()", 'never by its text'],
    ["error?.message?.startsWith('a')", 'never by its text'],
    ['/a/.test(error.message)', 'never by its text'],
    ["messageOf(error) === 'a'", 'never by its text'],
    ['switch (error.message) {}', 'never by its text'],
  ])('finds %s', (line, advice) => {
    const findings = check('src/net/a.ts', `// one\n${line};`);
    expect(new Set(places(findings))).toEqual(new Set(['src/net/a.ts:2']));
    expect(report(findings)).toContain(advice);
  });

  it.each([
    ['src/base/clock.ts', 'Date.now(); setTimeout(f, 1); Math.random();'],
    ['src/bin/a.ts', 'process.exit(process.argv.length); process.env;'],
    [
      'src/net/a.ts',
      "new Date(5); clock.now(); log.info(error.message); throw new BeaconError('closed', 'a');",
    ],
    ['src/net/a.ts', "'Date.now() and console.log() in a text'; // setTimeout in a comment"],
    ['src/net/a.ts', "text.includes('a'); error.code === 'a';"],
  ])('leaves alone in %s: %s', (path, text) => {
    expect(check(path, text)).toEqual([]);
  });
});

describe('sizes', () => {
  const lines = (count: number) => 'f();\n'.repeat(count);

  it('finds a file one line too long', () => {
    expect(checkFileSize(parseSource('src/a.ts', lines(5)), 5)).toEqual([]);
    expect(places(checkFileSize(parseSource('src/a.ts', lines(6)), 5))).toEqual(['src/a.ts:6']);
  });

  it.each(['function f() {', 'const f = () => {', 'class A { f() {', 'const o = { f() {'])(
    'finds a function one line too long: %s',
    (head) => {
      const tail = '}'.repeat(head.split('{').length - 1);
      const text = (count: number) => `\n${head}\n${lines(count)}${tail}`;
      expect(checkFunctionSize(parseSource('src/a.ts', text(3)), 5)).toEqual([]);
      expect(places(checkFunctionSize(parseSource('src/a.ts', text(4)), 5))).toEqual(['src/a.ts:2']);
    },
  );
});

describe('checkMarks', () => {
  // in halves, or the rule would find them here
  it.each([
    `// TO${'DO'} later`,
    `// fix${'me'}`,
    `fail('not ${'implemented'}')`,
    `it.on${'ly'}('x')`,
    `describe.sk${'ip'}('x')`,
    `it.concurrent.sk${'ip'}('x')`,
    `cd '/wor${'k'}/main'`,
    `https://registry.${'npmjs'}.org/`,
  ])('finds %s', (line) => {
    expect(places(checkMarks('a.md', `fine\n${line}`))).toEqual(['a.md:2']);
  });

  it('leaves other words alone', () => {
    expect(checkMarks('a.md', 'xxx; only skip; list.only(); it.each([]); the work/life; src/root/x')).toEqual(
      [],
    );
  });
});

describe('withoutTest', () => {
  const types = parseSource(
    'src/net/types.ts',
    "import type { B } from './b.ts';\nexport interface A { b: B }",
  );
  const code = parseSource('src/net/code.ts', 'export const a = 1;');

  it('finds a source without a test, unless it is types only', () => {
    expect(withoutTest([types, code], [])).toEqual(['test/unit/net/code.test.ts']);
    expect(withoutTest([types, code], ['test/unit/net/code.test.ts'])).toEqual([]);
    expect([isTypeOnly(types), isTypeOnly(code)]).toEqual([true, false]);
  });
});

describe('checkLimits', () => {
  const user = parseSource('src/net/a.ts', "import { A, B, C } from '../base/limits.ts';\nuse(A, B, C);");
  const check = (text: string) => places(checkLimits(parseSource('src/base/limits.ts', text), [user]));

  it('finds a limit without a comment, and one that nothing uses', () => {
    expect(check('/** Why. */\nexport const A = 1;\nexport const B = 2;\n\nexport const C = 3;')).toEqual([
      'src/base/limits.ts:5',
    ]);
    expect(check('/** Why. */\nexport const UNUSED = 1;')).toEqual(['src/base/limits.ts:2']);
  });
});
