/** Source files as the tidy rules see them: text, syntax tree, imports and lines. */
import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { type Program, parseSync, Visitor, type VisitorObject } from 'oxc-parser';

export interface Import {
  /** As written: `./x.ts`, `node:net`, `commander`. Undefined where it is no plain text. */
  readonly specifier: string | undefined;
  /** Path of the imported file from the project's root, for one of our own. */
  readonly target: string | undefined;
  readonly line: number;
}

export interface Source {
  /** From the project's root, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly program: Program;
  readonly imports: readonly Import[];
  /** Line number, from 1, of an offset in `text`. */
  lineAt(offset: number): number;
}

/** What a rule found: where, and what to do. */
export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly advice: string;
}

/** Parses one file. Throws when it is no valid TypeScript. */
export function parseSource(path: string, text: string): Source {
  const { program, errors } = parseSync(path, text, { preserveParens: false });
  const [error] = errors;
  if (error) throw new SyntaxError(`${path}: ${error.message}`);
  const lineAt = lineIndex(text);
  return { path, text, program, lineAt, imports: importsOf(path, program, lineAt) };
}

/** Parses every file that `pattern` names, from the project's root. */
export function readSources(pattern: string): readonly Source[] {
  return findFiles(pattern).map((path) => parseSource(path, readFileSync(path, 'utf8')));
}

/** Paths that `pattern` names, sorted. */
export function findFiles(pattern: string): readonly string[] {
  return globSync(pattern)
    .map((path) => path.replaceAll('\\', '/'))
    .sort();
}

export function visit(source: Source, visitor: VisitorObject): void {
  new Visitor(visitor).visit(source.program);
}

export function found(source: Source, offset: number, advice: string): Finding {
  return { path: source.path, line: source.lineAt(offset), advice };
}

/** `path:line  advice`, one a line. */
export function report(findings: readonly Finding[]): string {
  return findings.map(({ path, line, advice }) => `${path}:${line}  ${advice}`).join('\n');
}

function importsOf(path: string, program: Program, lineAt: (offset: number) => number): readonly Import[] {
  const imports: Import[] = [];
  const add = (node: { readonly start: number }, specifier: unknown): void => {
    const text = typeof specifier === 'string' ? specifier : undefined;
    const target = text?.startsWith('.') ? posix.join(posix.dirname(path), text) : undefined;
    imports.push({ specifier: text, target, line: lineAt(node.start) });
  };
  new Visitor({
    ImportDeclaration: (node) => add(node, node.source.value),
    ExportAllDeclaration: (node) => add(node, node.source.value),
    ExportNamedDeclaration: (node) => node.source && add(node, node.source.value),
    ImportExpression: (node) => add(node, 'value' in node.source ? node.source.value : undefined),
    TSImportType: (node) => add(node, node.source.value),
  }).visit(program);
  return imports;
}

function lineIndex(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    const after = starts.findIndex((start) => start > offset);
    return after < 0 ? starts.length : after;
  };
}
