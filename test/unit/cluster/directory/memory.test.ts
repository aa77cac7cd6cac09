import { describe, expect, it } from 'vitest';
import { REMEMBERED_NODES } from '../../../../src/base/limits.ts';
import { isNewer, Memory } from '../../../../src/cluster/directory/memory.ts';

describe('Memory', () => {
  it('keeps the last word of 1,000 names, and forgets who left first', () => {
    const memory = new Memory();
    const word = { incarnation: 1, sequence: 1, heardAt: 0 };
    for (let at = 0; at < REMEMBERED_NODES; at += 1) memory.remember(`n${at}`, word);
    memory.remember('n0', { ...word, sequence: 2 });
    expect([memory.size, memory.get('n0')?.sequence]).toEqual([REMEMBERED_NODES, 2]);
    memory.remember('one more', word);
    expect(memory.size).toBe(REMEMBERED_NODES);
    expect([memory.get('n0')?.sequence, memory.get('n1'), memory.get('n2')]).toEqual([2, undefined, word]);
  });
});

describe('isNewer', () => {
  it.each([
    [{ incarnation: 1, sequence: 1 }, undefined, true],
    [{ incarnation: 2, sequence: 1 }, { incarnation: 1, sequence: 9 }, true],
    [{ incarnation: 1, sequence: 9 }, { incarnation: 2, sequence: 1 }, false],
    [{ incarnation: 1, sequence: 3 }, { incarnation: 1, sequence: 2 }, true],
    [{ incarnation: 1, sequence: 2 }, { incarnation: 1, sequence: 2 }, false],
    [{ incarnation: 1, sequence: 1 }, { incarnation: 1, sequence: 2 }, false],
  ])('%j after %j: %j', (word, last, newer) => {
    expect(isNewer(word, last)).toBe(newer);
  });
});
