/** What a process says of itself in /metrics, and what docs/metrics.md says that it says. */
import { readFileSync } from 'node:fs';
import { type Family, parseExposition } from './exposition.ts';
import { get } from './http.ts';
import type { BeaconProcess } from './processes.ts';

/** Flags by which a process has health and administration on a free port of its own. */
export const HEALTH = ['--health-addr', '127.0.0.1:0'] as const;
const LISTENS = 'health, metrics and status can be asked for';

/** Where it listens, of a process that was started with {@link HEALTH}. */
export async function healthPort(process: BeaconProcess): Promise<number> {
  return Number((await process.waitFor(LISTENS))['healthPort']);
}

export async function adminPort(process: BeaconProcess): Promise<number> {
  return Number((await process.waitFor(LISTENS))['adminPort']);
}

/** Reads them with the strict parser. */
export async function scrape(process: BeaconProcess): Promise<ReadonlyMap<string, Family>> {
  const { status, body, headers } = await get(await healthPort(process), '/metrics');
  if (status !== 200 || !headers['content-type']?.startsWith('text/plain; version=0.0.4'))
    throw new Error(`/metrics answered ${status} ${headers['content-type']}`);
  return parseExposition(body);
}

/** The sum of all series of `name` that have these labels; 0 where there is none. */
export function sumOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|count|sum)$/, ''));
  if (!family) throw new Error(`no metric ${name}`);
  return family.series
    .filter((one) => one.name === name)
    .filter((one) => Object.entries(labels).every(([label, value]) => one.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0);
}

/** Scrapes until `holds`; as long as it takes, within the limit of the test. */
export async function scrapeUntil(
  process: BeaconProcess,
  holds: (families: ReadonlyMap<string, Family>) => boolean,
): Promise<ReadonlyMap<string, Family>> {
  for (;;) {
    const families = await scrape(process);
    if (holds(families)) return families;
  }
}

export interface Documented {
  readonly type: string;
  readonly labels: readonly string[];
}

/** What docs/metrics.md lists for a daemon, by name: under its own headings, and under those of all. */
export function documented(daemon: 'relay' | 'bridge' | 'broker'): ReadonlyMap<string, Documented> {
  const sections = readFileSync('docs/metrics.md', 'utf8').split(/^## /m).slice(1);
  const rows = sections
    .filter((section) => {
      const [heading = ''] = section.split('\n', 1);
      return heading === 'Every daemon' || heading.toLowerCase().split(/\W+/).includes(daemon);
    })
    .flatMap((section) => [...section.matchAll(/^\| `(beacon_\w+)` \| (\w+) \| ([^|]*) \| [^|]+ \|$/gm)]);
  return new Map(
    rows.map(([, name = '', type = '', labels = '']) => [
      name,
      { type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label) },
    ]),
  );
}
