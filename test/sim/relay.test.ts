import { describe, expect, it } from 'vitest';
import type { Fault } from '../scenario/faults.ts';
import type { Event, History } from '../scenario/history.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { plainClients } from './plain-clients.ts';
import { type Run, runScenario, traceOf } from './run.ts';

const FROM_START = { spans: [{ fromMs: 500, untilMs: 60_000 }] };

function scenario(faults: readonly Fault[], seed = 1): Scenario {
  return {
    seed,
    relays: 3,
    slots: 40,
    cas: 2,
    bridges: [
      { ca: 0, ...FROM_START },
      { ca: 1, ...FROM_START },
    ],
    brokers: [
      { ca: 0, ...FROM_START },
      { ca: 1, ...FROM_START },
    ],
    streams: [],
    faults,
    faultsUntilMs: 35_000,
    untilMs: 60_000,
  };
}

function run(faults: readonly Fault[], seed?: number): Promise<Run> {
  return runScenario(scenario(faults, seed), plainClients());
}

const ONE = { relay: 1 } as const;
const TWO = { relay: 2 } as const;
const EVERYTHING: readonly Fault[] = [
  { kind: 'cut', from: ONE, to: TWO, oneWay: true, atMs: 4_000, forMs: 6_000 },
  { kind: 'kill', place: { relay: 0 }, atMs: 6_000, forMs: 5_000 },
  { kind: 'drop', share: 0.3, atMs: 8_000, forMs: 10_000 },
  { kind: 'duplicate', share: 0.5, atMs: 9_000, forMs: 10_000 },
  { kind: 'reorder', share: 0.5, atMs: 10_000, forMs: 10_000 },
  { kind: 'pause', place: ONE, atMs: 14_000, forMs: 5_000 },
  { kind: 'restart', place: TWO, atMs: 16_000, forMs: 0 },
  { kind: 'clockJump', place: TWO, ms: -60_000, atMs: 17_000, forMs: 0 },
  { kind: 'restart', place: TWO, atMs: 18_000, forMs: 0 },
  { kind: 'blackHole', from: { relay: 0 }, to: { broker: 0 }, atMs: 20_000, forMs: 4_000 },
  { kind: 'slow', from: { relay: 0 }, to: ONE, ms: 300, atMs: 21_000, forMs: 4_000 },
  { kind: 'reset', from: { relay: 0 }, to: ONE, atMs: 22_000, forMs: 0 },
  { kind: 'drain', place: ONE, atMs: 24_000, forMs: 8_000 },
];

type Of<W extends Event['what']> = Extract<Event, { what: W }>;

function all<W extends Event['what']>(history: History, what: W): Of<W>[] {
  return history.filter((event): event is Of<W> => event.what === what);
}

/** The directories of the last second of the run: those of all nodes. */
function lastDirectories(history: History): readonly string[] {
  const views = new Map(all(history, 'directory').map((event) => [event.node, event]));
  return [...views.values()].map(({ members, holders }) => JSON.stringify({ members, holders }));
}

describe('a cluster without faults', () => {
  it('pairs brokers with bridges of their own, at the same node and over a forward', async () => {
    const { history } = await run([]);
    const asked = new Map(all(history, 'asked').map((event) => [event.attempt, event]));
    const paired = all(history, 'paired');
    expect(paired.length).toBeGreaterThan(50);
    for (const { attempt, infoHash, path } of paired) {
      expect(asked.get(attempt)?.infoHash).toBe(infoHash);
      expect(path[0]).toBe(asked.get(attempt)?.node);
    }
    expect(new Set(paired.map(({ path }) => path.length))).toEqual(new Set([1, 2]));
    expect(all(history, 'refused')).toEqual([]);
  });

  it('passes bytes on as they are, and gives everything back', async () => {
    const { history } = await run([]);
    const echoed = all(history, 'read').filter(({ side }) => side === 'client');
    expect(echoed.length).toBeGreaterThan(50);
    expect(echoed.filter(({ wrongAt }) => wrongAt !== undefined)).toEqual([]);
    const held = all(history, 'held').filter(({ at }) => at.startsWith('relay'));
    expect(held).toHaveLength(9);
    expect(held.filter(({ value, base }) => value !== base)).toEqual([]);
  });
});

describe('a cluster with more brokers than it serves', () => {
  it('has them wait for a slot, at both nodes of a forward, and serves every one of them', async () => {
    const { history, sometimes } = await runScenario(
      { ...scenario([], 3), slots: 5 },
      plainClients({ askMs: 800, holdMs: 3_000 }),
    );
    expect(sometimes.get('relay: waits for a slot')).toBeGreaterThan(0);
    expect(sometimes.get('relay: a forward was joined')).toBeGreaterThan(0);
    const slots = all(history, 'level').filter(({ of }) => of === 'slots');
    expect(Math.max(...slots.map(({ value }) => value))).toBe(slots[0]?.most);
    expect(all(history, 'refused')).toEqual([]);
    const asked = all(history, 'asked').filter(({ ms }) => ms < 50_000);
    const paired = new Set(all(history, 'paired').map(({ attempt }) => attempt));
    expect(asked.filter(({ attempt }) => !paired.has(attempt))).toEqual([]);
  });

  it('lets so many of one address in, tells as many more, and closes the others', async () => {
    const { history, sometimes } = await runScenario(scenario([], 4), plainClients({ askMs: 80 }));
    const asked = all(history, 'asked').filter(
      ({ broker, node, ms }) => broker === 'broker-0' && node === 'relay-0' && ms < 60_000,
    );
    const limited = new Set(
      all(history, 'refused')
        .filter(({ code }) => code === 'rateLimit')
        .map(({ attempt }) => attempt),
    );
    expect(asked.filter(({ attempt }) => !limited.has(attempt))).toHaveLength(100);
    expect(asked.filter(({ attempt }) => limited.has(attempt))).toHaveLength(100);
    expect(sometimes.get('door: rateLimit')).toBeGreaterThan(0);
  });
});

describe('a cluster with faults', () => {
  it('is the same to the last byte in two runs of a seed, and another with another seed', async () => {
    const [one, same, other] = [await run(EVERYTHING, 7), await run(EVERYTHING, 7), await run(EVERYTHING, 8)];
    expect(traceOf(one) === traceOf(same)).toBe(true);
    expect(traceOf(one) === traceOf(other)).toBe(false);
    expect([...one.sometimes]).toEqual([...same.sometimes]);
  });

  it.each([1, 2, 3, 4])('has equal directories again when they are over, seed %i', async (seed) => {
    const { history, sometimes } = await run(EVERYTHING, seed);
    const directories = lastDirectories(history);
    expect(directories).toHaveLength(3);
    expect(new Set(directories).size, directories.join('\n')).toBe(1);
    expect([...sometimes.keys()].filter((point) => point.startsWith('error'))).toEqual([]);
    const late = all(history, 'paired').filter(({ ms }) => ms > 45_000);
    expect(late.length).toBeGreaterThan(10);
    const held = all(history, 'held').filter(({ at }) => at.startsWith('relay'));
    expect(held.filter(({ value, base }) => value !== base)).toEqual([]);
  });
});
