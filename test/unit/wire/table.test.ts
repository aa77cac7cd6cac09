import { describe, expect, it } from 'vitest';
import { FORWARD_FRAMES } from '../../../src/wire/forward-layouts.ts';
import { BEACON_FRAMES } from '../../../src/wire/layouts.ts';
import { frameName, frameTable, oneSender } from '../../../src/wire/table.ts';

describe('frameTable', () => {
  it('finds types by their number, of its own family only', () => {
    expect([0x01, 0x11, 0x17, 0x21, 0x80].map((number) => BEACON_FRAMES.types.get(number))).toEqual([
      'hello',
      'parked',
      'refused',
      'ping',
      undefined,
    ]);
    expect([0x01, 0x11, 0x17].map((number) => FORWARD_FRAMES.types.get(number))).toEqual([
      'forward',
      'queued',
      undefined,
    ]);
  });

  it('keeps the layouts it is made of', () => {
    const layouts = { hi: { number: 7, sender: 'one', fields: {} } } as const;
    const table = frameTable<{ type: 'hi' }, 'one' | 'two'>(layouts);
    expect(table.layouts).toBe(layouts);
    expect([...table.types]).toEqual([[7, 'hi']]);
  });
});

describe('texts', () => {
  it('name frames in capitals', () => {
    expect([frameName('goaway'), frameName('notHere')]).toEqual(['GOAWAY', 'NOTHERE']);
  });

  it('name senders with their article', () => {
    expect(['client', 'relay', 'origin', 'holder'].map(oneSender)).toEqual([
      'a client',
      'a relay',
      'an origin',
      'a holder',
    ]);
  });
});
