import { expect, test } from 'vitest';
import { GOSSIP_ENTRIES_BURST, GOSSIP_ENTRIES_PER_SECOND } from '../../../src/base/limits.ts';
import { EntryRate } from '../../../src/cluster/rate.ts';

test('a burst passes, then so many a second, each origin for itself', () => {
  const rate = new EntryRate();
  const take = (origin: string, count: number, now: number): number =>
    Array.from({ length: count }, () => rate.take(origin, now)).filter(Boolean).length;
  expect(take('a', GOSSIP_ENTRIES_BURST + 1, 1_000)).toBe(GOSSIP_ENTRIES_BURST);
  expect(take('b', 10, 1_000)).toBe(10);
  expect(take('a', GOSSIP_ENTRIES_BURST, 1_500)).toBe(GOSSIP_ENTRIES_PER_SECOND / 2);
  expect(take('a', 2 * GOSSIP_ENTRIES_BURST, 1_000_000)).toBe(GOSSIP_ENTRIES_BURST);
});
