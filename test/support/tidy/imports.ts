/** Rules about who may import what. */
import { builtinModules } from 'node:module';
import type { Finding, Import, Source } from './source.ts';

/** For each folder of src, the other folders that it may import. */
export type FolderTable = Readonly<Record<string, readonly string[]>>;
/** For each module that is not for everybody, the folders that may import it. */
export type ModuleTable = Readonly<Record<string, readonly string[]>>;

/** `src/net/link.ts` -> `net` */
export function folderOf(path: string): string {
  return path.split('/')[1] ?? '';
}

/** Imports between folders that `table` does not allow. */
export function checkFolders(sources: readonly Source[], table: FolderTable): readonly Finding[] {
  return eachImport(sources, (source, { target }) => {
    if (target === undefined) return undefined;
    const from = folderOf(source.path);
    const allowed = table[from];
    if (!allowed) return `folder src/${from} is not in the table of folders: add it to test/tidy.test.ts`;
    if (!target.startsWith('src/')) return `imports ${target} from outside src: move what is needed into src`;
    const to = folderOf(target);
    if (to === from || allowed.includes(to)) return undefined;
    return `src/${from} may not import src/${to}: pass it in from above, or move it down to a folder both may use`;
  });
}

/** Modules of Node and of packages where they are not allowed, unknown, or written without `node:`. */
export function checkModules(
  sources: readonly Source[],
  table: ModuleTable,
  dependencies: readonly string[],
): readonly Finding[] {
  return eachImport(sources, (source, { specifier, target }) => {
    if (target !== undefined) return undefined;
    if (specifier === undefined) return 'imports a computed name: write the name as plain text';
    const allowed = table[specifier];
    if (allowed && !allowed.includes(folderOf(source.path))) return `${specifier} ${onlyIn(allowed)}`;
    if (specifier.startsWith('node:') || dependencies.includes(packageOf(specifier))) return undefined;
    if (builtinModules.includes(specifier)) return `write node:${specifier}`;
    return `${packageOf(specifier)} is not among the run-time dependencies in package.json`;
  });
}

/** Circles of imports, types included; each is reported once, at the file that comes first by name. */
export function checkCycles(sources: readonly Source[]): readonly Finding[] {
  const graph = new Map(sources.map((source) => [source.path, source]));
  const done = new Set<string>();
  const findings: Finding[] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) {
      const circle = trail.slice(at);
      const advice = `import cycle: ${[...circle, path].join(' -> ')}; move what they share into a file of its own`;
      findings.push({ path, line: lineOfImport(graph.get(path), circle[1] ?? path), advice });
      return;
    }
    if (done.has(path)) return;
    for (const { target } of graph.get(path)?.imports ?? []) {
      if (target !== undefined) walk(target, [...trail, path]);
    }
    done.add(path);
  };
  for (const { path } of sources) walk(path, []);
  return findings;
}

function eachImport(
  sources: readonly Source[],
  adviceFor: (source: Source, one: Import) => string | undefined,
): readonly Finding[] {
  return sources.flatMap((source) =>
    source.imports.flatMap((one) => {
      const advice = adviceFor(source, one);
      return advice === undefined ? [] : [{ path: source.path, line: one.line, advice }];
    }),
  );
}

function onlyIn(folders: readonly string[]): string {
  if (folders.length === 0) return 'is not used in src: see the table of modules in test/tidy.test.ts';
  return `is for ${folders.map((folder) => `src/${folder}`).join(', ')} only: use what it exports`;
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function lineOfImport(source: Source | undefined, target: string): number {
  return source?.imports.find((one) => one.target === target)?.line ?? 1;
}
