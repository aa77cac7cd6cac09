import { expect, it } from 'vitest';
import { PROVEN_SOURCE_MS, PROVEN_SOURCES } from '../../../../src/base/limits.ts';
import { ProvenSources } from '../../../../src/net/door/proven-sources.ts';

it('a source is proven for as long as it has a connection, and ten minutes after the last', () => {
  const proven = new ProvenSources();
  expect(proven.has('a', 0)).toBe(false);
  proven.proved('a');
  proven.proved('a');
  expect(proven.has('a', 10 * PROVEN_SOURCE_MS)).toBe(true);
  proven.left('a', 0);
  expect(proven.has('a', 10 * PROVEN_SOURCE_MS)).toBe(true);
  expect(proven.remembered).toBe(0);
  proven.left('a', 50);
  expect(proven.has('a', 50 + PROVEN_SOURCE_MS - 1)).toBe(true);
  expect(proven.has('a', 50 + PROVEN_SOURCE_MS)).toBe(false);
  expect(proven.remembered).toBe(0);
});

it('one that comes back starts anew', () => {
  const proven = new ProvenSources();
  proven.proved('a');
  proven.left('a', 0);
  proven.proved('a');
  expect(proven.remembered).toBe(0);
  proven.left('a', 1_000);
  expect(proven.has('a', PROVEN_SOURCE_MS)).toBe(true);
  expect(proven.has('a', 1_000 + PROVEN_SOURCE_MS)).toBe(false);
});

it(`remembers ${PROVEN_SOURCES} without a connection; of one more it forgets the oldest`, () => {
  const proven = new ProvenSources();
  proven.proved('stays');
  for (let at = 0; at < PROVEN_SOURCES; at += 1) {
    proven.proved(`${at}`);
    proven.left(`${at}`, at / 1_000);
  }
  expect(proven.remembered).toBe(PROVEN_SOURCES);
  expect(proven.has('0', 1)).toBe(true);
  proven.proved('more');
  proven.left('more', 20);
  expect(proven.remembered).toBe(PROVEN_SOURCES);
  expect(proven.has('0', 20)).toBe(false);
  for (const source of ['1', 'more', 'stays']) expect(proven.has(source, 20)).toBe(true);
});
