import { describe, expect, it } from 'vitest';
import { FAULT_KINDS } from '../../scenario/faults.ts';
import { CALM_MS, LAST_STREAM_MS, LEAST_RUN_MS, scenarioOf } from '../../scenario/generate.ts';
import { STREAM_KINDS } from '../../scenario/scenario.ts';

const SEEDS = Array.from({ length: 300 }, (_, index) => index + 1);
const scenarios = SEEDS.map((seed) => scenarioOf(seed));

describe('a scenario of a seed', () => {
  it('is the same each time, and another one for another seed', () => {
    expect(scenarioOf(5)).toEqual(scenarioOf(5));
    expect(scenarioOf(5).streams).not.toEqual(scenarioOf(6).streams);
  });

  it('takes a minute at the least, has five faults at the least, and ends calm', () => {
    for (const { untilMs, faults, faultsUntilMs, streams } of scenarios) {
      expect(untilMs).toBeGreaterThanOrEqual(60_000);
      expect(faults.length).toBeGreaterThanOrEqual(5);
      for (const { atMs, forMs } of faults) expect(atMs + forMs).toBeLessThanOrEqual(faultsUntilMs);
      expect(untilMs - faultsUntilMs).toBe(CALM_MS);
      for (const { atMs } of streams) expect(atMs).toBeLessThanOrEqual(untilMs - LAST_STREAM_MS);
    }
  });

  it('names whom there is', () => {
    for (const { relays, bridges, brokers, cas, faults, streams } of scenarios) {
      const isThere = (place: object): boolean =>
        ('relay' in place && Number(place.relay) < relays) ||
        ('bridge' in place && Number(place.bridge) < bridges.length) ||
        ('broker' in place && Number(place.broker) < brokers.length);
      for (const fault of faults) {
        const places = 'place' in fault ? [fault.place] : 'from' in fault ? [fault.from, fault.to] : [];
        expect(places.every(isThere)).toBe(true);
        if ('from' in fault) expect(fault.from).not.toEqual(fault.to);
      }
      for (const { broker } of streams) expect(broker).toBeLessThan(brokers.length);
      for (const { ca, spans } of [...bridges, ...brokers]) {
        expect(ca).toBeLessThan(cas);
        for (const { fromMs, untilMs } of spans) expect(fromMs).toBeLessThan(untilMs);
      }
    }
  });

  it('grows with its length, and takes any number of relays', () => {
    const long = scenarioOf(1, { relays: 1, runMs: 10 * LEAST_RUN_MS });
    expect(long.untilMs).toBe(10 * LEAST_RUN_MS);
    expect(long.faults.length).toBeGreaterThan(20);
    expect(scenarioOf(1, { relays: 7 }).relays).toBe(7);
  });
});

describe('over 300 seeds', () => {
  const faults = scenarios.flatMap((each) => each.faults);

  it.each(FAULT_KINDS)('%s comes', (kind) => {
    expect(faults.filter((fault) => fault.kind === kind).length).toBeGreaterThan(20);
  });

  it.each(STREAM_KINDS)('streams of the kind %s come', (kind) => {
    const some = scenarios.flatMap(({ streams }) => streams).filter((stream) => stream.kind === kind);
    expect(some.length).toBeGreaterThan(100);
  });

  it.each(['kill', 'restart', 'pause'] as const)('%s befalls relays, bridges and brokers', (kind) => {
    const places = faults.flatMap((fault) => (fault.kind === kind ? Object.keys(fault.place) : []));
    expect([...new Set(places)].sort()).toEqual(['bridge', 'broker', 'relay']);
  });

  it('there are several CAs, bridges that leave and return, and windows that fill', () => {
    expect(scenarios.some(({ cas }) => cas > 1)).toBe(true);
    expect(scenarios.some(({ bridges }) => bridges.some(({ spans }) => spans.length > 1))).toBe(true);
    const sizes = scenarios.flatMap(({ streams }) => streams.map(({ storeBytes }) => storeBytes));
    expect(Math.max(...sizes)).toBeGreaterThan(1_000_000);
  });
});
