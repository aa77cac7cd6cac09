import { describe, expect, it } from 'vitest';
import { LAYOUTS, ROLE_NUMBERS } from '../../../src/wire/layouts.ts';
import { FIRST_SKIPPED_TYPE } from '../../../src/wire/table.ts';
import { CLIENT_GOLDEN, RELAY_GOLDEN } from '../../support/golden-frames.ts';

describe('the frame table', () => {
  const layouts = Object.entries(LAYOUTS);

  it('gives each frame a number of its own that no receiver may skip', () => {
    const numbers = layouts.map(([, { number }]) => number);
    expect(new Set(numbers).size).toBe(layouts.length);
    for (const number of numbers) expect(number).toBeLessThan(FIRST_SKIPPED_TYPE);
  });

  it('knows the same frames of each sender as the types do', () => {
    const sentBy = (side: string) =>
      layouts.filter(([, { sender }]) => sender === side || sender === 'both').map(([type]) => type);
    // The golden tables are typed by the unions ClientFrame and RelayFrame.
    expect(sentBy('client').sort()).toEqual(Object.keys(CLIENT_GOLDEN).sort());
    expect(sentBy('relay').sort()).toEqual(Object.keys(RELAY_GOLDEN).sort());
  });

  it('leaves role 3 to bootstrap', () => {
    expect(ROLE_NUMBERS).toEqual({ park: 1, connect: 2 });
  });
});
