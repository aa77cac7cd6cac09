/** A million source addresses, as PROXY headers name them, through the rate limit of a relay. */
import { RATE_SOURCES } from '../../../src/base/limits.ts';
import { ask } from '../child.ts';
import { type Row, rounded } from '../report.ts';
import type { FullCosts, SourcesCosts, SourcesTask } from './sources-process.ts';

export const SOURCES_WHAT = '1,000,000 source addresses through a trusted PROXY header';
export const SOURCES_BAR = 'map at most 10,000; RSS growth at most 12 MB; insert p99 at most 20 us';
const RSS_MB = 12;
const INSERT_US = 20;

/** Takes 20 s, in processes of its own. */
export async function measureSources(): Promise<Row[]> {
  const costs = await ask<SourcesCosts>('./hostile/sources-process.ts', 'pass' satisfies SourcesTask);
  const full = await ask<FullCosts>('./hostile/sources-process.ts', 'fill' satisfies SourcesTask);
  const { size, rssMb, p99Us } = costs;
  const { heldMb: fullMb, size: fullSize } = full;
  return [
    {
      what: SOURCES_WHAT,
      bar: SOURCES_BAR,
      measured:
        `map ${rounded(size)}; RSS ${rounded(rssMb)} MB; p99 ${rounded(p99Us)} us; ` +
        `${rounded(fullMb)} MB held with ${rounded(fullSize)} sources at their limit`,
      met: size <= RATE_SOURCES && Math.max(rssMb, fullMb) <= RSS_MB && p99Us <= INSERT_US,
      how: 'in a process of its own, half of them IPv4, half IPv6 from as many /48s; one connection each, from the bytes of its PROXY header to the verdict; no sockets',
      values: {
        map_entries: size,
        rss_growth_mb: rssMb,
        insert_p50_us: costs.p50Us,
        insert_p99_us: p99Us,
        insert_max_us: costs.maxUs,
        full_held_mb: fullMb,
        full_map_entries: fullSize,
      },
    },
  ];
}
