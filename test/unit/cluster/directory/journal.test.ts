import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EntryTable, instancesOf, type Key, keyOf } from '../../../../src/cluster/directory/entries.ts';
import { type Changes, Journal } from '../../../../src/cluster/directory/journal.ts';
import { eachPacked } from '../../../../src/cluster/directory/packed.ts';
import { hash, instance } from '../../../support/directory-messages.ts';

const ROOM = 1 << 16;
const ONE = instancesOf(instance(1));
const key = (at: number): Key => keyOf(hash(at));

function told(changes: Changes | undefined): string[] {
  const entries: string[] = [];
  eachPacked(changes?.packed ?? new Uint8Array(), (each, instances) =>
    entries.push(`${Buffer.from(each, 'latin1').at(-1)}${instances === '' ? ' gone' : ''}`),
  );
  return entries;
}

function span(changes: Changes | undefined): readonly number[] | undefined {
  return changes && [changes.after, changes.upto, changes.changed];
}

describe('Journal', () => {
  it('counts changes and heartbeats in one sequence', () => {
    const journal = new Journal(10);
    journal.set(key(1), ONE);
    expect(journal.state()).toBe(2);
    journal.set(key(2), ONE);
    expect([journal.sequence, journal.changed, journal.size]).toEqual([3, 3, 2]);
    journal.state();
    expect([journal.sequence, journal.changed]).toEqual([4, 3]);
  });

  it('tells each key once, as it is now, in the order of its last change', () => {
    const journal = new Journal(10);
    journal.set(key(1), ONE);
    journal.set(key(2), ONE);
    journal.set(key(1), instancesOf(instance(1), instance(2)));
    journal.set(key(3), ONE);
    journal.set(key(2), '');
    expect(told(journal.anew(ROOM))).toEqual(['1', '3', '2 gone']);
    expect(span(journal.anew(ROOM))).toEqual([0, 5, 5]);
    expect(told(journal.since(3, 0, ROOM))).toEqual(['3', '2 gone']);
    expect(told(journal.since(5, 0, ROOM))).toEqual([]);
    expect(span(journal.since(5, 0, ROOM))).toEqual([5, 5, 5]);
  });

  it('says where a cut message ends and that there is more', () => {
    const journal = new Journal(10);
    for (const at of [1, 2, 3]) journal.set(key(at), ONE);
    const first = journal.anew(2 * 49);
    expect([told(first), span(first)]).toEqual([
      ['1', '2'],
      [0, 2, 3],
    ]);
    const second = journal.since(2, 3, 2 * 49);
    expect([told(second), span(second)]).toEqual([['3'], [2, 3, 3]]);
  });

  it('tells nothing to who knows what never was', () => {
    const journal = new Journal(10);
    journal.set(key(1), ONE);
    expect(journal.since(2, 0, ROOM)).toBeUndefined();
    expect(journal.since(1, 0, ROOM)).toBeDefined();
  });

  it('tells nothing to who may have missed a removal that is forgotten', () => {
    const journal = new Journal(1);
    for (const at of [1, 2]) journal.set(key(at), ONE);
    journal.set(key(1), '');
    expect(journal.since(2, 0, ROOM)).toBeDefined();
    journal.set(key(2), '');
    expect(journal.since(2, 0, ROOM)).toBeUndefined();
    expect(journal.since(0, 0, ROOM)).toBeUndefined();
    expect(journal.since(3, 0, ROOM)).toBeDefined();
    expect(told(journal.anew(ROOM))).toEqual(['2 gone']);
  });

  it('goes on with who began anew after that removal, however far it has come', () => {
    const journal = new Journal(0);
    for (const at of [1, 2, 3]) journal.set(key(at), ONE);
    journal.set(key(3), '');
    const first = journal.anew(49);
    expect(span(first)).toEqual([0, 1, 4]);
    expect(told(journal.since(1, 4, 49))).toEqual(['2']);
    journal.set(key(1), '');
    expect(journal.since(2, 4, 49)).toBeUndefined();
  });

  it('takes a key back that was removed', () => {
    const journal = new Journal(1);
    journal.set(key(1), ONE);
    journal.set(key(1), '');
    journal.set(key(1), ONE);
    journal.set(key(2), ONE);
    journal.set(key(2), '');
    expect(told(journal.since(0, 0, ROOM))).toEqual(['1', '2 gone']);
  });

  it('brings a reader to its own state, cut and interrupted anyhow', () => {
    const change = fc.record({ at: fc.integer({ min: 0, max: 12 }), park: fc.boolean(), ask: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 300 }),
        fc.integer({ min: 0, max: 6 }),
        (changes, removals) => {
          const journal = new Journal(removals);
          const reader = new Reader(journal);
          for (const { at, park, ask } of changes) {
            journal.set(key(at), park ? instancesOf(instance(at)) : '');
            if (ask) reader.ask();
          }
          let asked = 0;
          for (; reader.known < journal.changed; asked += 1) reader.ask();
          expect(asked).toBeLessThan(12);
          expect(reader.table.digest).toBe(journal.digest);
        },
      ),
      { seed: 3, numRuns: 300 },
    );
  });

  it('forgets stale records, so that a key that changes for ever takes no room', () => {
    const journal = new Journal(10);
    journal.set(key(1), ONE);
    for (let round = 0; round < 100_000; round += 1) journal.set(key(2), round % 2 ? '' : ONE);
    expect(told(journal.anew(ROOM))).toEqual(['1', '2 gone']);
    expect(journal.records).toBeLessThan(2_000);
  });
});

/** The least that a reader must do. */
class Reader {
  table = new EntryTable();
  known = 0;
  #begun = 0;
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  ask(): void {
    const room = 2 * 49;
    const changes = this.#journal.since(this.known, this.#begun, room) ?? this.#journal.anew(room);
    if (changes.after === 0) {
      this.table = new EntryTable();
      this.#begun = changes.changed;
    }
    eachPacked(changes.packed, (each, instances) => this.table.set(each, instances));
    this.known = changes.upto;
  }
}
