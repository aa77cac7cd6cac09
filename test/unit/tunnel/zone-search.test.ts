import { expect, it } from 'vitest';
import { SEARCH_RETRY_MS, ZONE_DIALS } from '../../../src/base/limits.ts';
import { ZoneSearch } from '../../../src/tunnel/zone-search.ts';
import { seededRandom } from '../../support/seeded-random.ts';

it('dials at once, then after pauses that double, and then no more until it is to begin again', () => {
  const search = new ZoneSearch(seededRandom(1));
  let now = 1_000;
  for (let dial = 0; dial < ZONE_DIALS; dial += 1) {
    expect(search.waitMs(now)).toBe(0);
    search.dialled(now);
    if (dial === ZONE_DIALS - 1) break;
    const waitMs = search.waitMs(now);
    expect(waitMs).toBeGreaterThanOrEqual((SEARCH_RETRY_MS / 2) * 2 ** dial);
    expect(waitMs).toBeLessThanOrEqual(SEARCH_RETRY_MS * 2 ** dial);
    expect(search.waitMs(now + waitMs - 1)).toBeGreaterThan(0);
    now += waitMs;
  }
  expect(search.waitMs(now + 3_600_000)).toBe(Number.POSITIVE_INFINITY);
  search.again();
  expect(search.waitMs(now)).toBe(0);
});
