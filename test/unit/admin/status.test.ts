import { expect, it } from 'vitest';
import { inWords } from '../../../src/admin/status.ts';

it('makes pairs of facts and tables of rows', () => {
  expect(
    inWords({
      node: 'a',
      slotsUsed: 3,
      ready: true,
      draining: false,
      zone: '',
      shortOf: null,
      roundTripMs: 1.25,
      members: [
        { node: 'b', heardMs: 12 },
        { node: 'c', zone: 'eu' },
      ],
      legs: [],
    }),
  ).toEqual({
    facts: [
      ['node', 'a'],
      ['slots used', '3'],
      ['ready', 'yes'],
      ['draining', 'no'],
      ['zone', '-'],
      ['short of', '-'],
      ['round trip ms', '1.3'],
    ],
    tables: [
      {
        title: 'members',
        columns: ['node', 'heard ms', 'zone'],
        rows: [
          ['b', '12', '-'],
          ['c', '-', 'eu'],
        ],
      },
      { title: 'legs', columns: [], rows: [] },
    ],
  });
});
