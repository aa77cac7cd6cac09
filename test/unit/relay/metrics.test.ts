import { afterEach, expect, it } from 'vitest';
import { Metrics } from '../../../src/admin/metrics.ts';
import { addRelayMetrics, relayEvents } from '../../../src/relay/metrics.ts';
import { parseExposition } from '../../support/exposition.ts';
import { checkLeaks } from '../../support/leaks.ts';
import { sumOf } from '../../support/metrics.ts';
import { startRelay } from '../../support/relay.ts';
import { acceptOffer, cutClients, dialAs, hello, WireClient } from '../../support/wire-client.ts';

checkLeaks();
afterEach(cutClients);

it('count who comes, who is paired, who is refused and when', async () => {
  const metrics = new Metrics();
  const { relay, port } = await startRelay({ events: relayEvents(metrics) });
  addRelayMetrics(metrics, relay, () => 'draining');
  const bridge = await dialAs('park', port);
  const broker = await dialAs('connect', port);
  await acceptOffer(bridge);
  await broker.expect('paired');
  // Without a proof; and one that breaks the protocol once it is parked.
  const stranger = await WireClient.dial(port);
  stranger.send(hello('connect'));
  await stranger.expect('refused');
  const rude = await dialAs('park', port);
  rude.send(hello('park'));
  await rude.expect('refused');
  const all = parseExposition(await metrics.text());
  const sum = (name: string, labels = {}): number => sumOf(all, name, labels);
  expect(sum('beacon_connections_total', { role: 'bridge', outcome: 'admitted' })).toBe(2);
  expect(sum('beacon_connections_total', { role: 'broker', outcome: 'admitted' })).toBe(1);
  expect(sum('beacon_connections_total', { role: 'broker', outcome: 'proofRequired' })).toBe(1);
  expect(sum('beacon_refused_later_total', { role: 'bridge', code: 'malformed' })).toBe(1);
  expect(sum('beacon_refused_later_total')).toBe(1);
  expect(sum('beacon_pairings_total')).toBe(1);
  expect(sum('beacon_pairing_duration_seconds_count', { way: 'local' })).toBe(1);
  expect(sum('beacon_handshake_duration_seconds_count')).toBe(4);
  expect(sum('beacon_splices')).toBe(1);
  expect(sum('beacon_drain_state', { state: 'draining' })).toBe(1);
  expect(sum('beacon_drain_state')).toBe(1);
  // Of a relay that runs alone.
  expect(all.get('beacon_cluster_members')?.series).toEqual([]);
});
