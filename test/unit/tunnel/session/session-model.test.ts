/**
 * Two sessions, legs that come and go, virtual time, all from a seed: every byte arrives once and in order, ends are
 * clean, memory stays bounded. A failure names its seed.
 */
import { describe, expect, it } from 'vitest';
import { integerBelow, type Random } from '../../../../src/base/random.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { seededRandom } from '../../../support/seeded-random.ts';
import { patternOf, SimEnd, SimLeg } from '../../../support/sim-session.ts';

const SEEDS = 400;
const WINDOW = 32 * 1_024;
const LARGEST_CHUNK = 9_000;
const LIMITS = { windowBytes: WINDOW, chunks: 64, ackBytes: 4 * 1_024 };
const SECOND = 1_000;

/** What happens to legs, from a seed. */
class World {
  readonly clock = new ManualClock();
  readonly random: Random;
  readonly broker: SimEnd;
  readonly bridge: SimEnd;
  /** Whether chaos goes on; after it every leg that is dialled lives. */
  stormy = true;
  /** Whether relays can be reached at all. */
  reachable = true;
  readonly #legs = new Map<number, SimLeg>();
  readonly #bytewise: boolean;
  #next = 0;
  #dialling = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.#bytewise = this.random.fraction() < 0.5;
    const there = patternOf('broker', integerBelow(this.random, 6 * WINDOW));
    const back = patternOf('bridge', integerBelow(this.random, 6 * WINDOW));
    const common = { clock: this.clock, random: this.random, limits: LIMITS, largestChunk: LARGEST_CHUNK };
    this.broker = new SimEnd({ ...common, role: 'broker', outgoing: there, incoming: back });
    this.bridge = new SimEnd({ ...common, role: 'bridge', outgoing: back, incoming: there });
    for (const end of [this.broker, this.bridge]) {
      end.eager = this.random.fraction() < 0.7;
      end.onDrop = (id) => {
        this.#legs.delete(id);
        if (end === this.broker) this.#repair();
      };
      this.#work(end);
    }
    this.#dial(true);
    this.#repair();
  }

  get finished(): boolean {
    return this.broker.session.state === 'over' && this.bridge.session.state === 'over';
  }

  /** As the legs' plan: two at a time, a new one for each that is lost, after a while. */
  #repair(): void {
    while (this.#legs.size + this.#dialling < 2 && this.broker.session.state !== 'over') {
      this.#dialling += 1;
      this.clock.after(integerBelow(this.random, 3_000), () => {
        this.#dialling -= 1;
        if (this.reachable) this.#dial(false);
        else this.#repair();
      });
    }
  }

  #dial(first: boolean): void {
    if (this.broker.error !== undefined || this.broker.session.state === 'over') return;
    const id = this.#next;
    this.#next += 1;
    const leg = new SimLeg(id, this.broker, this.bridge, {
      latencyMs: 1 + integerBelow(this.random, 120),
      bytesPerMs: 1 + integerBelow(this.random, this.random.fraction() < 0.3 ? 20 : 2_000),
      bufferBytes: 1 + integerBelow(this.random, 32_768),
      ...(this.#bytewise ? { split: (bytes: Buffer) => this.#split(bytes) } : {}),
    });
    this.#legs.set(id, leg);
    this.broker.begin(id, first);
    this.broker.pump();
    if (this.stormy && !first) this.#fate(leg);
    // The first leg carries no inner handshake here; it lives until the bridge has heard of the session.
    if (first) this.clock.after(1_000, () => this.#fate(leg));
  }

  /** Something, soon, and often nothing for long. */
  #fate(leg: SimLeg): void {
    this.clock.after(integerBelow(this.random, this.random.fraction() < 0.2 ? 60 : 6_000), () => {
      if (!this.stormy) return;
      const what = integerBelow(this.random, 6);
      if (what === 0) return leg.cut();
      if (what === 1) return leg.there.reset();
      if (what === 2) leg.hold('both');
      if (what === 3) leg.hold('there');
      if (what === 4) leg.hold('back');
      if (what < 5 && this.random.fraction() < 0.5) {
        this.clock.after(integerBelow(this.random, 4_000), () => leg.heal());
      }
      this.#fate(leg);
    });
  }

  #split(bytes: Buffer): Buffer[] {
    const cut = integerBelow(this.random, bytes.length + 1);
    return [bytes.subarray(0, cut), bytes.subarray(cut)];
  }

  /** Writes and reads of an end, in portions of any size at any time. */
  #work(end: SimEnd): void {
    const write = (): void => {
      end.write(1 + integerBelow(this.random, this.random.fraction() < 0.3 ? 20 : LARGEST_CHUNK));
      if (end.written < end.options.outgoing.length && end.error === undefined)
        this.clock.after(integerBelow(this.random, 150), write);
    };
    const read = (): void => {
      end.read(1 + integerBelow(this.random, 20_000));
      if (end.consumed < end.options.incoming.length && end.error === undefined)
        this.clock.after(integerBelow(this.random, this.random.fraction() < 0.02 ? 8_000 : 150), read);
    };
    if (end.options.outgoing.length === 0) end.step({ on: 'end' });
    else this.clock.after(1, write);
    if (!end.eager) this.clock.after(1, read);
  }
}

function tell(world: World): string {
  const { broker, bridge, clock } = world;
  return JSON.stringify({
    at: clock.now(),
    broker: [broker.session.state, broker.error, broker.received, broker.session.stats(clock.now())],
    bridge: [bridge.session.state, bridge.error, bridge.received, bridge.session.stats(clock.now())],
  });
}

/** Runs until both are over or `ms` have passed. */
function run(world: World, ms: number): void {
  const until = world.clock.now() + ms;
  while (!world.finished && world.clock.now() < until) world.clock.advance(500);
}

describe(`two sessions, seeds 1 to ${SEEDS}`, () => {
  it('lose, repeat and swap nothing while a leg can be had, and end cleanly', () => {
    let failovers = 0;
    let replayed = 0;
    const drops = new Set<string>();
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const world = new World(seed);
      const { broker, bridge } = world;
      try {
        run(world, 40 * SECOND);
        world.stormy = false;
        run(world, 600 * SECOND);
        expect(world.finished, tell(world)).toBe(true);
      } catch (error) {
        throw new Error(`seed ${seed}: ${tell(world)}`, { cause: error });
      }
      for (const end of [broker, bridge]) {
        expect([seed, end.error, end.ended, end.received]).toEqual([
          seed,
          undefined,
          true,
          end.options.incoming.length,
        ]);
        expect(end.session.deadline()).toBeUndefined();
        const stats = end.session.stats(world.clock.now());
        failovers += stats.failovers;
        replayed += stats.replayedBytes;
        for (const drop of end.drops) drops.add(drop);
        end.stop();
      }
    }
    // Else the storm was none.
    expect(failovers).toBeGreaterThan(SEEDS);
    expect(replayed).toBeGreaterThan(SEEDS * 1_000);
    expect(drops).toContain('silent');
    expect(drops).not.toContain('gap');
    expect(drops).not.toContain('illegal');
  });

  it('fail clearly at both ends when no leg can be had for too long', () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const world = new World(seed);
      run(world, 1_500);
      world.reachable = false;
      const open = [world.broker, world.bridge].map((end) => end.session.state === 'open');
      world.clock.advance(200 * SECOND);
      for (const [at, end] of [world.broker, world.bridge].entries()) {
        end.stop();
        if (!open[at] || end.session.state === 'over') continue;
        expect([seed, end.error]).toEqual([seed, 'closed']);
        expect(end.session.deadline()).toBeUndefined();
      }
    }
  });
});
