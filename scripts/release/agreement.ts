/** Whether all places where the version is written name the same one. */
import { existsSync, readFileSync } from 'node:fs';
import { revision, VERSION } from './source.ts';

/** What speaks against signing this checkout as a release. */
export function disagreements(): readonly string[] {
  const read = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  const chart = read('chart/Chart.yaml');
  const places: readonly (readonly [string, string, RegExp])[] = [
    ['the newest heading of CHANGELOG.md', read('CHANGELOG.md'), /^## \[([^\]]+)\]/m],
    ['BEACON_VERSION in the Dockerfile', read('Dockerfile'), /^ARG BEACON_VERSION=(\S+)/m],
    ['version in chart/Chart.yaml', chart, /^version: *["']?([^"'\s]+)/m],
    ['appVersion in chart/Chart.yaml', chart, /^appVersion: *["']?([^"'\s]+)/m],
  ];
  const found = places.map(
    ([place, text, pattern]) => [place, pattern.exec(text)?.[1] ?? 'nothing'] as const,
  );
  return [
    ...found
      .filter(([, version]) => version !== VERSION)
      .map(([place, version]) => `${place} says ${version}, package.json says ${VERSION}`),
    ...(revision().endsWith('-dirty') ? ['the checkout has changes that no commit has'] : []),
  ];
}
