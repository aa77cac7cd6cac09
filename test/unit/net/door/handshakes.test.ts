import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  HANDSHAKE_BATCH_MS,
  HANDSHAKE_CPU_PART,
  HANDSHAKE_LOOK_MS,
  HANDSHAKE_PLACES,
  HANDSHAKE_PLACES_KEPT,
  HANDSHAKE_TURNS,
  PROVEN_SOURCE_MS,
  UNFINISHED_HANDSHAKES,
  UNFINISHED_OF_PROVEN,
} from '../../../../src/base/limits.ts';
import { type Handshake, Handshakes } from '../../../../src/net/door/handshakes.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

const SEED = 4_043;

/** A budget on a loop with nothing else to do, and what it said to whom. */
function setUp() {
  const clock = new ManualClock();
  const handshakes = new Handshakes({ clock, idleMs: () => clock.now() });
  const started: string[] = [];
  const crowded: string[] = [];
  const enter = (source: string, name = source): Handshake =>
    handshakes.enter(source, {
      start: () => void started.push(name),
      crowded: () => void crowded.push(name),
    });
  const ready = (source: string, name = source): Handshake => {
    const handshake = enter(source, name);
    handshake.ready();
    return handshake;
  };
  /** Lets looks pass until nobody starts any more. */
  const settle = (): void => {
    for (let before = -1; before !== started.length; ) {
      before = started.length;
      clock.advance(10 * HANDSHAKE_LOOK_MS);
    }
  };
  return { clock, handshakes, started, crowded, enter, ready, settle };
}

describe('places', () => {
  it('one on a quiet relay is had at once, without a timer', () => {
    const { handshakes, clock, started, ready } = setUp();
    const one = ready('a');
    expect(started).toEqual(['a']);
    expect(clock.pending).toBe(0);
    expect(handshakes.status).toEqual({ unfinished: 1, waiting: 0, places: 1, paused: false });
    one.written();
    expect(handshakes.status).toEqual({ unfinished: 1, waiting: 0, places: 0, paused: false });
    one.done();
    expect(handshakes.status).toEqual({ unfinished: 0, waiting: 0, places: 0, paused: false });
  });

  it('the 64th is had, the 65th waits until one is given back', () => {
    const { handshakes, clock, started, ready, settle } = setUp();
    handshakes.proved('p');
    const all = Array.from({ length: HANDSHAKE_PLACES + 1 }, (_, at) => ready('p', `${at}`));
    settle();
    expect(started).toHaveLength(HANDSHAKE_PLACES);
    expect(handshakes.status).toMatchObject({ places: HANDSHAKE_PLACES, waiting: 1 });
    expect(clock.pending).toBe(0);
    all[0]?.written();
    settle();
    expect(started).toHaveLength(HANDSHAKE_PLACES + 1);
  });

  it('one that leaves gives its place back too', () => {
    const { handshakes, started, ready, settle } = setUp();
    handshakes.proved('p');
    const all = Array.from({ length: HANDSHAKE_PLACES + 1 }, (_, at) => ready('p', `${at}`));
    settle();
    all[3]?.leave();
    settle();
    expect(started).toHaveLength(HANDSHAKE_PLACES + 1);
    // Twice, late, or after its end: nothing more.
    for (const late of ['leave', 'written', 'done', 'ready'] as const) all[3]?.[late]();
    expect(handshakes.status).toMatchObject({ unfinished: HANDSHAKE_PLACES, places: HANDSHAKE_PLACES });
  });

  it('half of them are kept for proven sources', () => {
    const { handshakes, started, ready, settle } = setUp();
    const most = HANDSHAKE_PLACES - HANDSHAKE_PLACES_KEPT;
    const others = Array.from({ length: most + 1 }, (_, at) => ready(`${at}`));
    settle();
    expect(started).toHaveLength(most);
    handshakes.proved('p');
    for (let at = 0; at <= HANDSHAKE_PLACES_KEPT; at += 1) ready('p', `p${at}`);
    settle();
    expect(started.slice(most)).toEqual(Array.from({ length: HANDSHAKE_PLACES_KEPT }, (_, at) => `p${at}`));
    expect(handshakes.status).toMatchObject({ places: HANDSHAKE_PLACES, waiting: 2 });
    others[0]?.written();
    settle();
    // So many proven ones came before it that it is its turn.
    expect(started.at(-1)).toBe(`${most}`);
    others[1]?.written();
    settle();
    expect(started.at(-1)).toBe(`p${HANDSHAKE_PLACES_KEPT}`);
  });

  it('a peer that leaves the line costs nothing', () => {
    const { handshakes, clock, started, ready, settle } = setUp();
    handshakes.pause();
    ready('a').leave();
    handshakes.resume();
    settle();
    expect(started).toEqual([]);
    expect(handshakes.status.unfinished).toBe(0);
    expect(clock.pending).toBe(0);
  });
});

describe('who goes first', () => {
  it('proven sources, and one in four is of the others', () => {
    const { handshakes, started, ready, settle } = setUp();
    handshakes.proved('p');
    handshakes.pause();
    const held = Array.from({ length: HANDSHAKE_PLACES }, (_, at) => ready('p', `held${at}`));
    settle();
    for (let at = 0; at < 2; at += 1) ready('o', 'other');
    for (let at = 0; at < 8; at += 1) ready('p', 'proven');
    handshakes.resume();
    started.length = 0;
    for (const one of held) {
      one.written();
      settle();
    }
    const others = started.flatMap((name, at) => (name === 'other' ? [at] : []));
    expect(others).toEqual([0, HANDSHAKE_TURNS]);
    expect(started).toHaveLength(10);
  });

  it('sources take turns, so that one with many in line holds up nobody', () => {
    const { handshakes, started, ready, settle } = setUp();
    handshakes.pause();
    for (let at = 0; at < 20; at += 1) ready('flood', `flood${at}`);
    ready('client');
    handshakes.resume();
    settle();
    expect(started.slice(0, 3)).toEqual(['flood0', 'client', 'flood1']);
  });

  it('a source counts as proven until ten minutes after its connection ended', () => {
    const { handshakes, clock, started, ready } = setUp();
    const ended = handshakes.proved('p');
    handshakes.pause();
    clock.advance(2 * PROVEN_SOURCE_MS);
    ended();
    clock.advance(PROVEN_SOURCE_MS - 1);
    // Its second call says nothing.
    ended();
    ready('p', 'before').done();
    clock.advance(1);
    ready('p', 'after');
    expect(started).toEqual(['before']);
  });
});

describe('a pause', () => {
  it('lets proven sources in only, those in line at the moment of their proof as well', () => {
    const { handshakes, started, crowded, ready, settle } = setUp();
    handshakes.proved('p');
    handshakes.pause();
    ready('p');
    ready('a');
    ready('b');
    settle();
    expect(started).toEqual(['p']);
    handshakes.proved('b');
    settle();
    expect(started).toEqual(['p', 'b']);
    handshakes.resume();
    settle();
    expect(started).toEqual(['p', 'b', 'a']);
    expect(crowded).toEqual([]);
  });
});

describe('unfinished handshakes', () => {
  it('the 4,096th stays; of one more the oldest of the source with the most goes', () => {
    const { handshakes, crowded, enter } = setUp();
    enter('flood', 'flood0');
    enter('flood', 'flood1');
    for (let at = 2; at < UNFINISHED_HANDSHAKES; at += 1) enter(`${at}`);
    expect(crowded).toEqual([]);
    enter('more');
    expect(crowded).toEqual(['flood0']);
    expect(handshakes.status.unfinished).toBe(UNFINISHED_HANDSHAKES);
    enter('flood', 'flood2');
    expect(crowded).toEqual(['flood0', 'flood1']);
  });

  it('one that is closed while it waits or has a place leaves both', () => {
    const { handshakes, enter, ready, settle } = setUp();
    ready('flood', 'placed');
    handshakes.pause();
    ready('flood', 'waiting');
    for (let at = 2; at < UNFINISHED_HANDSHAKES + 2; at += 1) enter(`${at}`);
    expect(handshakes.status).toMatchObject({ places: 0, waiting: 1, unfinished: UNFINISHED_HANDSHAKES });
    handshakes.resume();
    settle();
    expect(handshakes.status).toMatchObject({ places: 1, waiting: 0 });
  });

  it('a bridge with all its parks is spared while a flood has one connection a source', () => {
    const { handshakes, crowded, enter } = setUp();
    handshakes.proved('bridge');
    for (let at = 0; at <= UNFINISHED_OF_PROVEN; at += 1) enter('bridge', `bridge${at}`);
    for (let at = 0; at < UNFINISHED_HANDSHAKES; at += 1) enter(`${at}`);
    expect(crowded).toHaveLength(UNFINISHED_OF_PROVEN + 1);
    expect(crowded.some((name) => name.startsWith('bridge'))).toBe(false);
    enter('bridge', 'one too many');
    expect(crowded.at(-1)).toBe('bridge0');
  });
});

describe('CPU', () => {
  /** A budget on a busy loop; each handshake takes `costMs` of the clock between its start and `written`. */
  function busy(costMs: number) {
    const clock = new ManualClock();
    const handshakes = new Handshakes({ clock, idleMs: () => 0 });
    const begun: Handshake[] = [];
    let worked = 0;
    const ready = (): void => {
      const one: Handshake = handshakes.enter('a', { start: () => void begun.push(one), crowded: () => {} });
      one.ready();
    };
    /** As ticks do: whatever has begun is worked on, one after the other. */
    const work = (): void => {
      for (let one = begun.shift(); one; one = begun.shift()) {
        clock.advance(costMs);
        worked += costMs;
        one.written();
        one.leave();
      }
    };
    return { clock, handshakes, ready, work, begun, worked: () => worked };
  }

  it('a line of a thousand is served in small batches, and leaves to others what is theirs', () => {
    const { clock, handshakes, ready, work, begun, worked } = busy(0.5);
    for (let at = 0; at < 1_000; at += 1) ready();
    let longest = 0;
    while (handshakes.status.waiting > 0 || begun.length > 0) {
      const before = clock.now();
      work();
      longest = Math.max(longest, clock.now() - before);
      clock.advance(HANDSHAKE_LOOK_MS);
    }
    expect(worked()).toBe(500);
    expect(clock.now()).toBeGreaterThan((0.9 * worked()) / HANDSHAKE_CPU_PART);
    expect(clock.now()).toBeLessThan((1.1 * worked()) / HANDSHAKE_CPU_PART);
    expect(longest).toBeLessThan(8 * HANDSHAKE_BATCH_MS);
    expect(clock.pending).toBe(0);
  });
});

it('random arrivals and leaves: counts stay right, nobody starves', () => {
  const step = fc.record({
    do: fc.constantFrom('enter', 'ready', 'written', 'done', 'leave', 'prove', 'pause', 'resume', 'wait'),
    source: fc.nat(6),
    which: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 50, maxLength: 400 }), (steps) => {
      const { clock, handshakes, settle } = setUp();
      type One = { handshake: Handshake; started: boolean; ready: boolean };
      const all = new Set<One>();
      const enter = (source: string): void => {
        const one: One = { started: false, ready: false } as One;
        const start = (): void => {
          one.started = true;
        };
        const owner = { start, crowded: () => void all.delete(one) };
        Object.assign(one, { handshake: handshakes.enter(source, owner) });
        all.add(one);
      };
      const check = (): void => {
        const { unfinished, waiting, places } = handshakes.status;
        expect(unfinished).toBe(all.size);
        expect(waiting).toBe([...all].filter(({ ready, started }) => ready && !started).length);
        expect(places).toBeGreaterThanOrEqual(0);
        expect(places).toBeLessThanOrEqual(HANDSHAKE_PLACES);
      };
      for (const { do: what, source, which } of steps) {
        const one = [...all][which % Math.max(1, all.size)];
        if (what === 'enter') for (let at = 0; at < 10; at += 1) enter(`${source}`);
        if (what === 'prove') handshakes.proved(`${source}`)();
        if (what === 'pause' || what === 'resume') handshakes[what]();
        if (what === 'wait') clock.advance(which % 100);
        if (one && what === 'ready') {
          one.ready = true;
          one.handshake.ready();
        }
        if (one && what === 'written') one.handshake.written();
        if (one && (what === 'done' || what === 'leave')) {
          all.delete(one);
          one.handshake[what]();
        }
        check();
      }
      // Everybody who is ready gets a place in the end, as places are given back.
      handshakes.resume();
      for (let round = 0; handshakes.status.waiting > 0 && round < 100; round += 1) {
        settle();
        for (const { handshake } of all) handshake.written();
      }
      expect(handshakes.status.waiting).toBe(0);
      for (const { handshake } of all) handshake.leave();
      expect(handshakes.status).toMatchObject({ unfinished: 0, waiting: 0, places: 0 });
      expect(clock.pending).toBe(0);
    }),
    { seed: SEED, numRuns: 100 },
  );
});
