/** In processes of their own: how V8 collects is one thing for a whole process. */
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

const MIB = 1_024 * 1_024;
const HEAP = new URL('../../../src/base/heap.ts', import.meta.url).href;

/** Prints the size of the new space after 2 million objects that lived for a moment, or for a little longer. */
const PROGRAM = `
  import { setImmediate } from 'node:timers/promises';
  import { getHeapSpaceStatistics } from 'node:v8';
  const kept = [];
  for (let turn = 0; turn < 1_000; turn += 1) {
    kept[turn % 10] = Array.from({ length: 2_000 }, (_, at) => ({ at }));
    await setImmediate();
  }
  console.log(getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size);
`;

function newSpace(before: string): number {
  const args = ['--input-type=module', '--eval', `${before}\n${PROGRAM}`];
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

describe('keepNewSpaceSmall', () => {
  it('keeps the new space at what it begins with', () => {
    // Two halves of a megabyte.
    expect(newSpace(`import { keepNewSpaceSmall } from '${HEAP}'; keepNewSpaceSmall();`)).toBe(2 * MIB);
    // Without it V8 grows it, or this says nothing.
    expect(newSpace('')).toBeGreaterThan(2 * MIB);
  });
});
