import { describe, expect, it } from 'vitest';
import { NODE_LEASE_MS } from '../../../../src/base/limits.ts';
import { Incarnation } from '../../../../src/cluster/directory/incarnation.ts';

describe('Incarnation', () => {
  it('is the wall clock', () => {
    const incarnation = new Incarnation(1_000.7);
    expect(incarnation.value).toBeUndefined();
    expect(incarnation.heard({ incarnation: 400, heardMs: 5 }, 0)).toBeUndefined();
    expect(incarnation.choose(1)).toBe(1_000);
    expect(incarnation.value).toBe(1_000);
  });

  it('is above the highest that was heard, where the clock was set back', () => {
    const incarnation = new Incarnation(1_000);
    incarnation.heard({ incarnation: 5_000, heardMs: 0 }, 0);
    incarnation.heard({ incarnation: 4_000, heardMs: 0 }, 0);
    expect(incarnation.choose(1)).toBe(5_001);
  });

  it('is chosen again when a member comes late that remembers a higher one from before', () => {
    const incarnation = new Incarnation(1_000);
    incarnation.choose(100);
    const now = 60_000;
    expect(incarnation.heard({ incarnation: 5_000, heardMs: now - 100 }, now)).toBe('chooseAgain');
    expect(incarnation.choose(now)).toBe(5_001);
    expect(incarnation.heard({ incarnation: 5_000, heardMs: now - 100 }, now + 1)).toBeUndefined();
  });

  it('takes what a dead process said just before, and came late, for no rival', () => {
    const incarnation = new Incarnation(1_000);
    incarnation.choose(100);
    const heardAt = 100 + NODE_LEASE_MS - 1;
    expect(incarnation.heard({ incarnation: 5_000, heardMs: 1 }, heardAt + 1)).toBe('chooseAgain');
  });

  it('gives way, once, to a higher one that was heard since', () => {
    const incarnation = new Incarnation(1_000);
    incarnation.choose(100);
    const now = 100 + NODE_LEASE_MS + 50;
    expect(incarnation.heard({ incarnation: 900, heardMs: 0 }, now)).toBeUndefined();
    expect(incarnation.heard({ incarnation: 1_000, heardMs: 0 }, now)).toBeUndefined();
    expect(incarnation.heard({ incarnation: 5_000, heardMs: 50 }, now)).toBe('superseded');
    expect(incarnation.heard({ incarnation: 5_000, heardMs: 50 }, now)).toBeUndefined();
    expect(incarnation.heard({ incarnation: 6_000, heardMs: now }, now)).toBeUndefined();
  });
});
