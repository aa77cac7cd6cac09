import { describe, expect, it } from 'vitest';
import {
  REPAIR_SPREAD_MS,
  SEARCH_DIALS,
  SEARCH_PAUSE_MAX_MS,
  SEARCH_PAUSE_MS,
  SEARCH_RETRIES_SOON,
  SEARCH_RETRY_DIALS,
  SEARCH_RETRY_MS,
} from '../../../src/base/limits.ts';
import { Search } from '../../../src/tunnel/search.ts';

function search(fraction = 0.5): Search {
  return new Search({ fraction: () => fraction, bytes: (count) => Buffer.alloc(count) });
}

describe('a search', () => {
  it(`dials ${SEARCH_DIALS} times a round`, () => {
    const it = search();
    for (let count = 0; count < SEARCH_DIALS; count += 1) {
      expect(it.hasDials).toBe(true);
      it.dialled();
    }
    expect(it.hasDials).toBe(false);
    it.again();
    expect(it.hasDials).toBe(true);
  });

  it.each([
    [0, 0.5],
    [0.999, 0.9995],
  ])('pauses between half of a ceiling that doubles and all of it (draw %d)', (fraction, part) => {
    const it = search(fraction);
    let ceiling = SEARCH_PAUSE_MS;
    for (let round = 0; round < 8; round += 1) {
      it.dialled();
      it.pause(1_000);
      expect(it.waitMs(1_000)).toBeCloseTo(ceiling * part);
      expect(it.waitMs(1_000 + ceiling)).toBe(0);
      ceiling = Math.min(2 * ceiling, SEARCH_PAUSE_MAX_MS);
    }
    expect(it.hasDials).toBe(true);
  });

  it('retries soon where what is missing may be back, with fewer dials, and less and less often', () => {
    const it = search(0);
    const soon = Array.from({ length: SEARCH_RETRIES_SOON - 1 }, () => SEARCH_RETRY_MS);
    const later: number[] = [];
    for (let pause = SEARCH_RETRY_MS; pause < SEARCH_PAUSE_MS; pause *= 2) later.push(pause);
    for (const pause of [...soon, ...later]) {
      it.retry(0);
      expect(it.waitMs(0)).toBe(pause / 2);
      for (let count = 0; count < SEARCH_RETRY_DIALS; count += 1) {
        expect(it.hasDials).toBe(true);
        it.dialled();
      }
      expect(it.hasDials).toBe(false);
    }
    it.retry(0);
    expect(it.waitMs(0)).toBe(SEARCH_PAUSE_MS / 2);
    it.found();
    it.retry(0);
    expect(it.waitMs(0)).toBe(SEARCH_RETRY_MS / 2);
  });

  it('has as many dials by other means as the round began with', () => {
    const it = search();
    it.retry(0);
    for (let count = 0; count < SEARCH_RETRY_DIALS; count += 1) it.dialled();
    it.again();
    for (let count = 0; count < SEARCH_RETRY_DIALS; count += 1) {
      expect(it.hasDials).toBe(true);
      it.dialled();
    }
    expect(it.hasDials).toBe(false);
  });

  it('begins anew when something was found', () => {
    const it = search(0);
    it.pause(0);
    it.pause(0);
    it.found();
    expect(it.waitMs(0)).toBe(0);
    it.pause(0);
    expect(it.waitMs(0)).toBe(SEARCH_PAUSE_MS / 2);
  });

  it('hurries where what there is will not last: a short round now, however long the pause', () => {
    const it = search(0);
    for (let round = 0; round < 5; round += 1) it.pause(0);
    it.hurry();
    expect(it.waitMs(0)).toBe(0);
    for (let count = 0; count < SEARCH_RETRY_DIALS; count += 1) {
      expect(it.hasDials).toBe(true);
      it.dialled();
    }
    expect(it.hasDials).toBe(false);
    it.hurry();
    expect(it.hasDials).toBe(true);
  });

  it(`is spread over ${REPAIR_SPREAD_MS} ms when something changed, whatever pause was on`, () => {
    const it = search(0.25);
    it.pause(0);
    it.spread(10);
    expect(it.waitMs(10)).toBe(REPAIR_SPREAD_MS / 4);
    it.spread(10, 100);
    expect(it.waitMs(10)).toBe(25);
  });
});
