import { describe, expect, it } from 'vitest';
import { FORWARD_LAYOUTS } from '../../../src/wire/forward-layouts.ts';
import { FIRST_SKIPPED_TYPE } from '../../../src/wire/table.ts';
import { HOLDER_GOLDEN, ORIGIN_GOLDEN } from '../../support/golden-forward-frames.ts';

describe('the frame table', () => {
  const layouts = Object.entries(FORWARD_LAYOUTS);

  it('gives each frame a number of its own that no receiver may skip', () => {
    const numbers = layouts.map(([, { number }]) => number);
    expect(new Set(numbers).size).toBe(layouts.length);
    for (const number of numbers) expect(number).toBeLessThan(FIRST_SKIPPED_TYPE);
  });

  it('knows the same frames of each sender as the types do', () => {
    const sentBy = (side: string) =>
      layouts.filter(([, { sender }]) => sender === side).map(([type]) => type);
    // The golden tables are typed by the unions OriginFrame and HolderFrame.
    expect(sentBy('origin').sort()).toEqual(Object.keys(ORIGIN_GOLDEN).sort());
    expect(sentBy('holder').sort()).toEqual(Object.keys(HOLDER_GOLDEN).sort());
    expect(layouts).toHaveLength(sentBy('origin').length + sentBy('holder').length);
  });
});
