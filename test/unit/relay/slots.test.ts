import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type InLine, type Purpose, Slots } from '../../../src/relay/slots.ts';

interface One extends InLine {
  readonly name: string;
}

function one(ticket: number, further = false): One {
  return { name: `${further ? 'further' : 'first'}-${ticket}`, ticket, further };
}

/** Slots, all of which are taken. */
function full(capacity: number): Slots<One> {
  const slots = new Slots<One>(capacity);
  for (let count = 0; count < capacity; count += 1) slots.take();
  return slots;
}

/** Names of those that may go, each with a slot that was freed for it. */
function served(slots: Slots<One>, count: number): (string | undefined)[] {
  return Array.from({ length: count }, () => {
    slots.release();
    const next = slots.next();
    if (next) slots.take();
    return next?.name;
  });
}

describe('taking', () => {
  it('gives as many as there are, and one again when one is back', () => {
    const slots = new Slots<One>(2);
    expect([slots.take(), slots.take(), slots.take(), slots.used]).toEqual([true, true, false, 2]);
    slots.release();
    expect([slots.used, slots.take(), slots.take()]).toEqual([1, true, false]);
  });

  it('leaves what is expected to whoever sets out for another node, and holds up nobody who is served here', () => {
    const slots = new Slots<One>(2);
    slots.expect(1);
    slots.expect(1);
    expect([slots.free('away'), slots.free('here'), slots.used]).toEqual([false, true, 0]);
    expect([slots.take(), slots.take(), slots.take()]).toEqual([true, true, false]);
    slots.expect(-1);
    slots.expect(-1);
    slots.release();
    expect(slots.free('away')).toBe(true);
  });
});

describe('the line', () => {
  it('is served by ticket, whatever each needs its slot for', () => {
    const slots = full(1);
    const purposes: readonly Purpose[] = ['away', 'here', 'here', 'away'];
    for (const [index, purpose] of purposes.entries()) slots.enqueue(one(index + 1), purpose);
    expect(slots.waiting).toBe(4);
    expect(slots.next()).toBeUndefined();
    expect(served(slots, 5)).toEqual(['first-1', 'first-2', 'first-3', 'first-4', undefined]);
  });

  it('lets first legs go before further ones', () => {
    const slots = full(1);
    slots.enqueue(one(1, true), 'here');
    slots.enqueue(one(2), 'away');
    slots.enqueue(one(3, true), 'away');
    slots.enqueue(one(4), 'here');
    expect(served(slots, 4)).toEqual(['first-2', 'first-4', 'further-1', 'further-3']);
  });

  it('lets one go that can be served here while those before it wait for what is expected', () => {
    const slots = full(2);
    slots.enqueue(one(1), 'away');
    slots.enqueue(one(2), 'here');
    slots.expect(1);
    slots.release();
    expect(slots.next()?.name).toBe('first-2');
    slots.expect(-1);
    expect(slots.next()?.name).toBe('first-1');
  });

  it('gives one that comes back its old place', () => {
    const slots = full(1);
    const [a, b, c] = [one(1), one(2), one(3)];
    for (const each of [a, b, c]) slots.enqueue(each, 'here');
    slots.release();
    expect(slots.next()).toBe(a);
    slots.enqueue(a, 'here');
    slots.take();
    expect(served(slots, 3)).toEqual(['first-1', 'first-2', 'first-3']);
  });

  it('forgets who leaves, in whatever line; leaving twice is fine', () => {
    const slots = full(1);
    const [a, b, c] = [one(1), one(2), one(3)];
    slots.enqueue(a, 'here');
    slots.enqueue(b, 'away');
    slots.enqueue(c, 'here');
    slots.leave(a);
    slots.leave(b);
    slots.leave(b);
    expect(slots.waiting).toBe(1);
    expect(served(slots, 2)).toEqual(['first-3', undefined]);
  });

  it('has the order of a sorted list, whoever comes back and leaves', () => {
    const steps = fc.array(
      fc.record({ do: fc.constantFrom('come', 'serve', 'back', 'leave'), further: fc.boolean() }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(steps, (list) => {
        const slots = full(1);
        let model: One[] = [];
        const served: One[] = [];
        let ticket = 0;
        for (const step of list) {
          if (step.do === 'come') {
            ticket += 1;
            const newcomer = one(ticket, step.further);
            slots.enqueue(newcomer, ticket % 2 === 0 ? 'here' : 'away');
            model.push(newcomer);
          } else if (step.do === 'serve') {
            slots.release();
            model.sort((a, b) => Number(a.further) - Number(b.further) || a.ticket - b.ticket);
            const next = model.shift();
            expect(slots.next()).toBe(next);
            if (next) served.push(next);
            slots.take();
          } else if (step.do === 'back') {
            const back = served.shift();
            if (!back) continue;
            slots.enqueue(back, 'here');
            model.push(back);
          } else {
            const gone = model[0];
            if (!gone) continue;
            slots.leave(gone);
            model = model.slice(1);
          }
          expect(slots.waiting).toBe(model.length);
        }
      }),
      { seed: 20_261_124, numRuns: 300 },
    );
  });
});
