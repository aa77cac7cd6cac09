import { describe, expect, it } from 'vitest';
import { Legs } from '../../../../src/tunnel/session/legs.ts';

const LIMITS = { probeMs: 50, echoMs: 20, silenceMs: 200, lingerMs: 70 };

function three(): Legs {
  const legs = new Legs(LIMITS);
  for (const [id, ms] of [
    [1, 30],
    [2, 10],
    [3, 20],
  ] as const) {
    legs.add(id, id).rtt.sample(ms);
  }
  legs.add(4, 0);
  return legs;
}

describe('legs', () => {
  it('are chosen by their round trip, a measured one before one that is not', () => {
    const legs = three();
    expect(legs.best()?.id).toBe(2);
    for (const id of [2, 3, 1]) legs.remove(id);
    expect(legs.best()?.id).toBe(4);
  });

  it('that are suspected come last, or not at all', () => {
    const legs = three();
    legs.get(2)?.suspect();
    expect([legs.best()?.id, legs.any()?.id]).toEqual([3, 3]);
    for (const leg of legs.all()) leg.suspect();
    expect([legs.best()?.id, legs.any()?.id]).toEqual([undefined, 2]);
  });

  it('are as silent as the last that was heard of them', () => {
    const legs = three();
    expect(legs.mostSilent()?.id).toBe(4);
    legs.get(4)?.heard(50);
    expect(legs.mostSilent()?.id).toBe(1);
  });

  it('are removed once, and are active no more', () => {
    const legs = three();
    const [first] = legs.all();
    if (first) legs.activate(first);
    expect([legs.active?.id, legs.remove(1), legs.remove(1), legs.active]).toEqual([
      1,
      true,
      false,
      undefined,
    ]);
    legs.clear();
    expect([legs.size, legs.any(), legs.mostSilent()]).toEqual([0, undefined, undefined]);
  });
});
