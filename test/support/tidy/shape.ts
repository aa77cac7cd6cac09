/** Rules about sizes, marks, and files that belong together. */
import { type Finding, found, type Source, visit } from './source.ts';

/** Files of more than `most` lines. */
export function checkFileSize(source: Source, most: number): readonly Finding[] {
  const lines = source.text.trimEnd().split('\n').length;
  if (lines <= most) return [];
  return [
    {
      path: source.path,
      line: most + 1,
      advice: `${lines} lines, at most ${most}: split it by what it does`,
    },
  ];
}

/** Functions and methods of more than `most` lines, from signature to closing bracket. */
export function checkFunctionSize(source: Source, most: number): readonly Finding[] {
  const findings: Finding[] = [];
  const check = (node: { readonly start: number; readonly end: number }): void => {
    const lines = source.lineAt(node.end) - source.lineAt(node.start) + 1;
    const advice = `a function of ${lines} lines, at most ${most}: give its steps names of their own`;
    if (lines > most) findings.push(found(source, node.start, advice));
  };
  visit(source, { FunctionDeclaration: check, FunctionExpression: check, ArrowFunctionExpression: check });
  return findings;
}

// Written in halves, so that this file does not find itself.
const MARKS = new RegExp(
  `\\b(TO${'DO'}|to${'do'}|FIX${'ME'}|fix${'me'}|XX${'X'}|HA${'CK'})\\b|not ${'implemented'}|un${'implemented'}`,
);
const SKIPS = new RegExp(`\\b(it|test|describe|suite)(\\.\\w+)*\\.(sk${'ip'}|on${'ly'}|to${'do'})\\b`);
const MACHINE = new RegExp(`(^|[\\s"'\`(=])/(wor${'k'}|home|root|Users)/\\w|registry\\.${'npmjs'}`);

/** Marks of unfinished work, tests that do not run, and names that only this machine knows, in any text file. */
export function checkMarks(path: string, text: string): readonly Finding[] {
  return text.split('\n').flatMap((content, at) => {
    const advice = MARKS.test(content)
      ? 'a mark of unfinished work: finish it, or open an issue'
      : SKIPS.test(content)
        ? 'a test that does not run, or keeps others from running: repair or remove it'
        : MACHINE.test(content)
          ? 'a path or host of one machine: make it an argument'
          : undefined;
    return advice === undefined ? [] : [{ path, line: at + 1, advice }];
  });
}

/** Sources that do something at run time and have no test file of their own at the mirrored path. */
export function withoutTest(sources: readonly Source[], tests: readonly string[]): readonly string[] {
  return sources
    .filter((source) => !isTypeOnly(source))
    .map(({ path }) => path.replace(/^src/, 'test/unit').replace(/\.ts$/, '.test.ts'))
    .filter((path) => !tests.includes(path));
}

/** Whether nothing of `source` is left when its types are taken away. */
export function isTypeOnly(source: Source): boolean {
  return source.program.body.every((statement) => {
    if (statement.type === 'TSInterfaceDeclaration' || statement.type === 'TSTypeAliasDeclaration')
      return true;
    if (statement.type === 'ImportDeclaration') return true;
    if (statement.type === 'ExportAllDeclaration') return statement.exportKind === 'type';
    return statement.type === 'ExportNamedDeclaration' && statement.exportKind === 'type';
  });
}

/** Limits without a reason beside them, or that nothing uses. A group of lines may share one comment. */
export function checkLimits(limits: Source, others: readonly Source[]): readonly Finding[] {
  const lines = limits.text.split('\n');
  return exportedNames(limits).flatMap(({ name, offset }) => {
    const line = limits.lineAt(offset);
    const findings: Finding[] = [];
    if (!hasComment(lines, line - 1))
      findings.push(found(limits, offset, `${name}: say in a comment why this value`));
    const used = others.some(
      ({ path, text }) => path !== limits.path && new RegExp(`\\b${name}\\b`).test(text),
    );
    if (!used) findings.push(found(limits, offset, `${name}: nothing keeps this limit; use it or remove it`));
    return findings;
  });
}

function exportedNames(source: Source): readonly { readonly name: string; readonly offset: number }[] {
  return source.program.body.flatMap((statement) => {
    if (statement.type !== 'ExportNamedDeclaration' || statement.declaration?.type !== 'VariableDeclaration')
      return [];
    return statement.declaration.declarations.flatMap(({ id }) =>
      id.type === 'Identifier' ? [{ name: id.name, offset: statement.start }] : [],
    );
  });
}

/** Whether a comment ends right above line `at` (from 0), or above the lines of code that it follows. */
function hasComment(lines: readonly string[], at: number): boolean {
  for (let above = at - 1; above >= 0; above -= 1) {
    const line = (lines[above] ?? '').trim();
    if (line.endsWith('*/')) return true;
    if (line === '' || line.startsWith('//')) return false;
  }
  return false;
}
