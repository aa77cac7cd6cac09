import { expect, it } from 'vitest';
import { Metrics } from '../../../src/admin/metrics.ts';
import { addTunnelMetrics, type SessionFacts, tunnelEvents } from '../../../src/admin/tunnel-metrics.ts';
import { parseExposition } from '../../support/exposition.ts';
import { sumOf } from '../../support/metrics.ts';

const session = (...legs: SessionFacts['legs']): SessionFacts => ({
  unacknowledgedBytes: 10,
  unreadBytes: 3,
  replayedBytes: 0,
  legs,
});

it('counts legs by state and tells the slowest of those that carry a tunnel', async () => {
  const metrics = new Metrics();
  const { roundTrip, roundTrips } = tunnelEvents(metrics);
  const sessions = [
    session({ active: true, suspected: false, srttMs: 20 }, { active: false, suspected: false, srttMs: 900 }),
    session({ active: true, suspected: true, srttMs: 50 }),
    session({ active: true, suspected: false, srttMs: undefined }),
  ];
  addTunnelMetrics(metrics, () => sessions, roundTrips);
  roundTrip('relay', 80);
  roundTrip('relay', 0);
  const all = parseExposition(await metrics.text());
  const legs = (state: string) => sumOf(all, 'beacon_legs', { state });
  expect([legs('active'), legs('warm'), legs('suspected')]).toEqual([2, 1, 1]);
  expect(sumOf(all, 'beacon_round_trip_seconds', { hop: 'tunnel' })).toBe(0.05);
  expect(sumOf(all, 'beacon_round_trip_seconds', { hop: 'relay' })).toBeCloseTo(0.07);
  expect(sumOf(all, 'beacon_window_used_bytes', { direction: 'out' })).toBe(30);
  expect(sumOf(all, 'beacon_window_used_bytes', { direction: 'in' })).toBe(9);
});

it('tells no round trip where there is none', async () => {
  const metrics = new Metrics();
  addTunnelMetrics(metrics, () => [], tunnelEvents(metrics).roundTrips);
  expect(parseExposition(await metrics.text()).get('beacon_round_trip_seconds')?.series).toEqual([]);
});
