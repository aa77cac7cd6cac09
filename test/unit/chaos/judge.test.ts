/** How a chaos run is judged, and how it is shown. */
import { describe, expect, it } from 'vitest';
import { CHECKER_NAMES, judged, withDeaths } from '../../chaos/judge.ts';
import { failovers, streamSpans } from '../../chaos/report/facts.ts';
import { page } from '../../chaos/report/page.ts';
import { type ChaosRun, slownessOf } from '../../chaos/run.ts';
import type { Event } from '../../scenario/history.ts';
import type { Scenario } from '../../scenario/scenario.ts';

const scenario: Scenario = {
  ...{ seed: 1, relays: 3, slots: 1_000, cas: 1, faultsUntilMs: 30_000, untilMs: 60_000 },
  bridges: [{ ca: 0, spans: [{ fromMs: 0, untilMs: 60_000 }] }],
  brokers: [{ ca: 0, spans: [{ fromMs: 0, untilMs: 60_000 }] }],
  streams: [{ stream: 1, atMs: 1_000, broker: 0, kind: 'read', clientBytes: 10, storeBytes: 100, overMs: 0 }],
  faults: [{ kind: 'kill', place: { broker: 0 }, atMs: 2_000, forMs: 1_000 }],
};
const begun: readonly Event[] = [
  { what: 'opened', stream: 1, broker: 'broker-0', infoHash: 'ca-0', ms: 1_000 },
  { what: 'wrote', stream: 1, side: 'client', from: 0, bytes: 10, ms: 1_001 },
  { what: 'served', stream: 1, bridge: 'bridge-0', infoHash: 'ca-0', ms: 1_010 },
  { what: 'read', stream: 1, side: 'store', from: 0, bytes: 10, ms: 1_031 },
  { what: 'wrote', stream: 1, side: 'store', from: 0, bytes: 50, ms: 1_040 },
];
const death: Event = { what: 'fault', fault: 0, on: true, ms: 2_000 };
const deaths = [{ name: 'broker-0', fromMs: 2_000, untilMs: 2_300 }];
const fin: Event = { what: 'end', stream: 1, side: 'client', ms: 2_400 };

function runOf(history: readonly Event[]): ChaosRun {
  return { scenario, history, deaths, beganMs: 0, looks: [], slowness: 1, found: [] };
}
const foundBy = (checker: string, history: readonly Event[], slowness = 1) =>
  judged(runOf(history), slowness).filter((one) => one.checker === checker);

describe('an early end', () => {
  it('is a break where the process next to it was killed, and all that follows is left out', () => {
    const after: Event = { what: 'finished', stream: 1, side: 'client', total: 10, ms: 2_401 };
    const events = withDeaths([...begun, death, fin, after], deaths);
    expect(events.at(-1)).toEqual({ what: 'failed', stream: 1, side: 'client', code: 'died', ms: 2_400 });
  });

  it('is what it is long before or after', () => {
    for (const ms of [1_900, 9_000]) {
      const history = [...begun, death, { ...fin, ms }].sort((one, other) => one.ms - other.ms);
      expect(foundBy('streams', history)[0]?.text).toContain('a clean end after 0 bytes');
    }
  });

  it('stays an end where all had been written', () => {
    const whole: Event = { what: 'finished', stream: 1, side: 'store', total: 50, ms: 1_050 };
    expect(withDeaths([...begun, whole, death, fin], deaths).at(-1)).toEqual(fin);
  });
});

describe('bounds', () => {
  // Dead for 5 s, and still known to who has been well all the time.
  const history: readonly Event[] = [
    { what: 'up', node: 'relay-0', incarnation: 1, ms: 0 },
    { what: 'up', node: 'relay-1', incarnation: 2, ms: 0 },
    { what: 'down', node: 'relay-1', incarnation: 2, ms: 30_000 },
    { what: 'directory', node: 'relay-0', members: { 'relay-0': 1, 'relay-1': 2 }, holders: {}, ms: 35_000 },
  ];

  it('are those that are promised, and are stretched only as said', () => {
    expect(foundBy('directory', history)).toMatchObject([{ ms: 35_000 }]);
    expect(foundBy('directory', history, 6)).toEqual([]);
  });

  it('stretch with how late timers were', () => {
    expect([0, 0.05, 0.5].map(slownessOf)).toEqual([1, 1.1, 2]);
  });
});

describe('the report', () => {
  const done: readonly Event[] = [
    ...begun,
    { what: 'read', stream: 1, side: 'client', from: 0, bytes: 50, ms: 1_840 },
    { what: 'aborted', stream: 1, side: 'client', ms: 1_900 },
  ];

  it('knows how long bytes were under way, and what became of a stream', () => {
    expect(streamSpans(done)).toMatchObject([
      { outcome: 'aborted', fromMs: 1_000, untilMs: 1_900, stall: { ms: 800, atMs: 1_840 } },
    ]);
  });

  it('counts failovers over restarts', () => {
    const looks = [2, 5, 1, 1].map((value, index) => ({
      ...{ name: 'broker-0', ms: index * 1_000, status: {} },
      metrics: [{ name: 'beacon_failovers_total', labels: '', value }],
    }));
    expect(failovers(looks)).toBe(6);
  });

  it('needs nothing from elsewhere, says what was found, and breaks on no text', () => {
    const found = [{ checker: 'streams', ms: 1_000, text: 'a <b>wrong</b> byte' }];
    const about = {
      checkers: CHECKER_NAMES,
      violations: found,
      commit: 'abc',
      command: 'npm run chaos',
      slowness: 1.2,
    };
    const html = page(runOf([...done, death]), about);
    expect(html).toContain('Failed');
    expect(html).toContain('a &#60;b&#62;wrong&#60;/b&#62; byte');
    expect(html).not.toMatch(/https?:|<script|<link|src=|url\(/);
    for (const checker of CHECKER_NAMES) expect(html).toContain(`<th>${checker}</th>`);
    expect(page(runOf(done), { ...about, violations: [] })).toContain('every checker is content');
  });
});
