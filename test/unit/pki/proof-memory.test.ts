import fc from 'fast-check';
import { expect, test } from 'vitest';
import { memoryKey, ProofMemory } from '../../../src/pki/proof-memory.ts';

const chain = (leafFingerprint: string) => ({ leafFingerprint, notBeforeMs: 0, notAfterMs: 1 });

test('holds as many chains as its limit and drops the one that was used longest ago', () => {
  const memory = new ProofMemory(3);
  for (const key of ['a', 'b', 'c']) memory.keep(key, chain(key));
  expect(memory.size).toBe(3);
  expect(memory.find('a')).toEqual(chain('a'));
  memory.keep('d', chain('d'));
  expect(memory.size).toBe(3);
  expect(['a', 'b', 'c', 'd'].map((key) => memory.find(key)?.leafFingerprint)).toEqual([
    'a',
    undefined,
    'c',
    'd',
  ]);
});

test('keeping a chain again takes no second place', () => {
  const memory = new ProofMemory(2);
  memory.keep('a', chain('a'));
  memory.keep('a', chain('a'));
  expect(memory.size).toBe(1);
});

test('two chains have one key only where they are the same, cut at the same places', () => {
  const ders = fc.array(
    fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
    { maxLength: 4 },
  );
  const text = (der: readonly Buffer[]): string => der.map((bytes) => bytes.toString('hex')).join('/');
  fc.assert(
    fc.property(ders, ders, (one, other) => {
      const same = one.length === other.length && text(one) === text(other);
      expect(memoryKey(one, 'park') === memoryKey(other, 'park')).toBe(same);
      expect(memoryKey(one, 'park')).not.toBe(memoryKey(one, 'connect'));
    }),
    { seed: 20_261_120, numRuns: 2_000 },
  );
});
