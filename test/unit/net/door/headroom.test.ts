import { describe, expect, it } from 'vitest';
import { DESCRIPTORS_COUNT_MS, DESCRIPTORS_OF_OURS } from '../../../../src/base/limits.ts';
import { Headroom } from '../../../../src/net/door/headroom.ts';

/** A process of `limit` descriptors, `others` of which are not sockets of the door. */
function setUp({ limit, others }: { limit: number | undefined; others: number | undefined }) {
  const changes: boolean[] = [];
  const process = { others, counted: 0, sockets: 0 };
  const headroom = new Headroom({
    descriptors: {
      limit,
      count: () => {
        process.counted += 1;
        return process.others === undefined ? undefined : process.others + process.sockets;
      },
    },
    onChange: (admitting) => void changes.push(admitting),
  });
  let now = 0;
  return {
    headroom,
    process,
    changes,
    pass: (ms: number) => {
      now += ms;
    },
    look: () => headroom.look(now),
    /** How many of `count` come in. */
    admit: (count = 1) => {
      let inside = 0;
      for (let at = 0; at < count; at += 1) if (headroom.admit(now)) inside += 1;
      process.sockets += inside;
      return inside;
    },
    close: (count: number) => {
      process.sockets -= count;
      for (let at = 0; at < count; at += 1) headroom.released();
    },
  };
}

describe('the mark', () => {
  it('lets in up to 90 % of the limit, and not one more', () => {
    const { admit, headroom, changes } = setUp({ limit: 1_000, others: 100 });
    expect(admit(800)).toBe(800);
    expect([headroom.status.used, changes]).toEqual([900, []]);
    expect(admit()).toBe(0);
    expect(changes).toEqual([false]);
    expect(headroom.status).toEqual({ admitting: false, used: 900, limit: 1_000, refused: 1 });
  });

  it('lets in again at 85 %, not above', () => {
    const { admit, close, changes } = setUp({ limit: 1_000, others: 100 });
    admit(801);
    close(49);
    expect([admit(), changes]).toEqual([0, [false]]);
    close(1);
    expect(changes).toEqual([false, true]);
    expect(admit()).toBe(1);
  });

  it('counts what others of the process have opened, and closed, since', () => {
    const { admit, pass, process, look, changes } = setUp({ limit: 1_000, others: 100 });
    expect(admit()).toBe(1);
    process.others = 950;
    pass(DESCRIPTORS_COUNT_MS - 1);
    expect(admit()).toBe(1);
    pass(1);
    expect(admit()).toBe(0);
    process.others = 100;
    pass(DESCRIPTORS_COUNT_MS);
    look();
    expect(changes).toEqual([false, true]);
  });

  it('is none where there is no limit', () => {
    const { admit, headroom } = setUp({ limit: undefined, others: 100 });
    expect(admit(10_000)).toBe(10_000);
    expect(headroom.status).toMatchObject({ admitting: true, limit: undefined });
  });
});

describe('counting', () => {
  it('asks the system once in a while, however many knock', () => {
    const { admit, pass, process } = setUp({ limit: 1_000, others: 100 });
    admit(2_000);
    expect(process.counted).toBe(1);
    pass(DESCRIPTORS_COUNT_MS);
    admit(2_000);
    expect(process.counted).toBe(2);
  });

  it('goes by its own books where the system does not count', () => {
    const { admit, close } = setUp({ limit: 1_000, others: undefined });
    expect(admit(1_000)).toBe(900 - DESCRIPTORS_OF_OURS);
    close(51);
    expect(admit(1_000)).toBe(51);
  });

  it('is never below what the books say: a count that came late takes nothing off', () => {
    const { admit, process, pass, headroom } = setUp({ limit: 1_000, others: 10 });
    admit(500);
    process.sockets = 0;
    pass(DESCRIPTORS_COUNT_MS);
    admit();
    expect(headroom.status.used).toBe(501);
  });
});
