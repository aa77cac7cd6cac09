import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  EntryTable,
  infoHashOf,
  instanceIds,
  instancesOf,
  keyOf,
} from '../../../../src/cluster/directory/entries.ts';
import { hash, instance, tableOf } from '../../../support/directory-messages.ts';

const SEED = 1;

describe('keys and instances', () => {
  it('are latin1, a character a byte, and come back', () => {
    const infoHash = hash(0xff_00_80);
    expect(keyOf(infoHash)).toHaveLength(32);
    expect(infoHashOf(keyOf(infoHash))).toBe(infoHash);
    const ids = [instance(1), instance(0xfe)];
    expect(instancesOf(...ids)).toHaveLength(32);
    expect(instanceIds(instancesOf(...ids))).toEqual(ids);
    expect(instanceIds('')).toEqual([]);
  });
});

describe('EntryTable', () => {
  it('sets, replaces and removes', () => {
    const table = new EntryTable();
    table.set(keyOf(hash(1)), instancesOf(instance(1)));
    table.set(keyOf(hash(1)), instancesOf(instance(2)));
    expect([...table.keys()]).toEqual([keyOf(hash(1))]);
    expect(table.get(keyOf(hash(1)))).toBe(instancesOf(instance(2)));
    table.set(keyOf(hash(1)), '');
    expect(table.has(keyOf(hash(1)))).toBe(false);
    expect(table.size).toBe(0);
  });

  it('has a digest that every release computes alike (value from a second program)', () => {
    expect(new EntryTable().digest).toBe(0n);
    expect(tableOf({ 1: [2] }).digest).toBe(0x8da489f7d5a6d2f0n);
  });

  it('has a digest that tells any two contents apart, whatever led to them', () => {
    const content = fc.dictionary(
      fc.integer({ min: 0, max: 5 }).map(String),
      fc.uniqueArray(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 2 }),
    );
    fc.assert(
      fc.property(content, content, (before, after) => {
        const table = tableOf(before);
        for (const key of [...table.keys()]) table.set(key, '');
        for (const at of Object.keys(after).reverse()) {
          table.set(keyOf(hash(Number(at))), instancesOf(...(after[at] ?? []).map(instance)));
        }
        expect(table.digest).toBe(tableOf(after).digest);
        const same = JSON.stringify(before) === JSON.stringify(after);
        expect(tableOf(before).digest === table.digest).toBe(same);
      }),
      { seed: SEED },
    );
  });
});
