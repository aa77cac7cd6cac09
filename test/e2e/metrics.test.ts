/**
 * Four relays, a bridge and a broker that know different ones of them, and traffic: every process is scraped, read with a
 * strict parser, and has the metrics of docs/metrics.md, no fewer and no more.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProcessCluster } from '../support/cluster-processes.ts';
import type { Family } from '../support/exposition.ts';
import { documented, HEALTH, scrape, scrapeUntil, sumOf } from '../support/metrics.ts';
import { type BeaconProcess, startBeacon } from '../support/processes.ts';
import { type Store, sourceHash, startStore } from '../support/store.ts';
import { ask, digest, HOST } from '../support/tunnel-processes.ts';

const BYTES = 8 * 1_024 * 1_024;
const TWO_LEGS = 'a tunnel has two legs that share no node';

let cluster: ProcessCluster;
let store: Store;
let bridge: BeaconProcess;
let broker: BeaconProcess;

beforeAll(async () => {
  cluster = await ProcessCluster.start({ names: ['a', 'b', 'c', 'd'], more: HEALTH });
  store = await startStore();
  const ports = (...names: string[]): number[] => names.map((name) => cluster.port(name));
  const { files } = cluster;
  // No node is known to both, so every leg crosses two.
  const targets = ['--vault-addr', `tcp://${HOST}:${store.port}`, '--target', 'gone=tcp://127.0.0.1:1'];
  bridge = await startBeacon(files.clientArgs('bridge', ports('a', 'b'), ...HEALTH, ...targets));
  const listen = ['--listen', `${HOST}:0=gone`, '--listen', `${HOST}:0=unheard`];
  broker = await startBeacon(files.clientArgs('broker', ports('c', 'd'), ...HEALTH, ...listen));
  await broker.waitFor(TWO_LEGS);
}, 90_000);

afterAll(async () => {
  await Promise.all([broker?.kill(), bridge?.kill()]);
  await store?.close();
  await cluster?.remove();
});

/** Port of the broker's listener for that target. */
async function portFor(target: string): Promise<number> {
  return Number((await broker.waitFor((line) => line['target'] === target && 'port' in line))['port']);
}

/** Names, types and labels are those of docs/metrics.md. */
function expectDocumented(
  families: ReadonlyMap<string, Family>,
  daemon: 'relay' | 'bridge' | 'broker',
): void {
  const known = documented(daemon);
  expect([...families.keys()].toSorted()).toEqual([...known.keys()].toSorted());
  for (const { name, type, series } of families.values()) {
    expect(type, name).toBe(known.get(name)?.type);
    for (const { labels } of series) {
      const own = Object.keys(labels).filter((label) => label !== 'le');
      expect(own.toSorted(), name).toEqual([...(known.get(name)?.labels ?? [])].toSorted());
    }
  }
}

describe('metrics', () => {
  it('of the broker tell streams, tunnels, legs and hops', { timeout: 60_000 }, async () => {
    const socket = await ask(broker.port, `source ${BYTES}`);
    expect((await digest(socket)).sha256).toBe(sourceHash(BYTES));
    socket.end();
    for (const target of ['gone', 'unheard']) {
      const refused = await ask(await portFor(target), 'echo');
      refused.resume();
      await new Promise((resolve) => refused.once('close', resolve));
    }
    const families = await scrapeUntil(
      broker,
      (all) => sumOf(all, 'beacon_round_trip_seconds', { hop: 'tunnel' }) > 0,
    );
    expectDocumented(families, 'broker');
    const value = (name: string, labels = {}): number => sumOf(families, name, labels);
    expect(value('beacon_streams_total', { outcome: 'accepted' })).toBe(1);
    expect(value('beacon_streams_total', { outcome: 'targetUnreachable' })).toBe(1);
    expect(value('beacon_streams_total', { outcome: 'unknownTarget' })).toBe(1);
    expect(value('beacon_streams_total', { outcome: 'noTunnel' })).toBe(0);
    expect(value('beacon_stream_open_duration_seconds_count')).toBe(1);
    expect(value('beacon_tunnels_by_redundancy', { redundancy: 'disjoint' })).toBe(1);
    expect(value('beacon_legs', { state: 'active' })).toBe(1);
    expect(value('beacon_legs', { state: 'warm' })).toBe(1);
    expect(value('beacon_connected')).toBe(1);
    expect(value('beacon_ready')).toBe(1);
    expect(value('beacon_round_trip_seconds', { hop: 'relay' })).toBeGreaterThan(0);
    expect(value('beacon_tls_groups_total', { hop: 'tunnel', group: 'X25519MLKEM768' })).toBe(1);
    expect(value('beacon_tls_groups_total', { hop: 'relay' })).toBeGreaterThanOrEqual(2);
  });

  it('of the bridge tell parks, streams and the hop to the target', { timeout: 60_000 }, async () => {
    const families = await scrape(bridge);
    expectDocumented(families, 'bridge');
    const value = (name: string, labels = {}): number => sumOf(families, name, labels);
    expect(value('beacon_streams_total', { outcome: 'accepted' })).toBe(1);
    expect(value('beacon_streams_total', { outcome: 'targetUnreachable' })).toBe(1);
    expect(value('beacon_streams_total', { outcome: 'unknownTarget' })).toBe(1);
    expect(value('beacon_tunnels')).toBe(1);
    expect(value('beacon_park_hosts')).toBe(2);
    expect(value('beacon_legs')).toBe(2);
    expect(value('beacon_round_trip_seconds', { hop: 'target' })).toBeGreaterThan(0);
    expect(value('beacon_certificate_expiry_timestamp_seconds')).toBeGreaterThan(Date.now() / 1_000);
  });

  it('of the relays tell pairings, bytes, the cluster and its adverts', { timeout: 60_000 }, async () => {
    const all = await Promise.all([...cluster.nodes.values()].map((node) => scrape(node)));
    for (const families of all) expectDocumented(families, 'relay');
    const sum = (name: string, labels = {}): number =>
      all.reduce((total, families) => total + sumOf(families, name, labels), 0);
    expect(sum('beacon_pairings_total', { way: 'local' })).toBe(0);
    expect(sum('beacon_pairings_total', { way: 'forward' })).toBe(2);
    expect(sum('beacon_pairings_total', { way: 'incoming' })).toBe(2);
    expect(sum('beacon_pairing_duration_seconds_count', { way: 'forward' })).toBe(2);
    expect(sum('beacon_forwards_total', { outcome: 'joined' })).toBe(2);
    expect(sum('beacon_tls_groups_total', { hop: 'forward' })).toBeGreaterThanOrEqual(2);
    // It crosses two nodes.
    expect(sum('beacon_spliced_bytes_total', { direction: 'to_broker' })).toBeGreaterThan(2 * BYTES);
    expect(sum('beacon_spliced_bytes_total', { direction: 'to_bridge' })).toBeGreaterThan(0);
    expect(sum('beacon_splices')).toBe(4);
    expect(sum('beacon_slots_used')).toBe(4);
    expect(sum('beacon_parked')).toBeGreaterThanOrEqual(2);
    // One that found no bridge around its first leg is admitted as well, and refused later.
    expect(sum('beacon_connections_total', { role: 'broker', outcome: 'admitted' })).toBeGreaterThanOrEqual(
      2,
    );
    expect(sum('beacon_connections_total', { role: 'bridge', outcome: 'admitted' })).toBeGreaterThanOrEqual(
      4,
    );
    expect(sum('beacon_handshake_duration_seconds_count')).toBeGreaterThanOrEqual(6);
    expect(sum('beacon_cluster_members', { state: 'connected' })).toBe(12);
    expect(sum('beacon_directory_entries', { of: 'others' })).toBe(2 * 3);
    expect(sum('beacon_gossip_entries_sent_total')).toBeGreaterThan(0);
    expect(sum('beacon_gossip_entries_received_total')).toBeGreaterThan(0);
    expect(sum('beacon_rate_limit_entries')).toBeGreaterThan(0);
    expect(sum('beacon_drain_state', { state: 'serving' })).toBe(4);
  });

  it('of a broker tell a failover, and how long it took', { timeout: 60_000 }, async () => {
    const socket = await ask(broker.port, 'endless');
    socket.resume();
    const splices = async (name: string): Promise<number> =>
      sumOf(await scrape(cluster.node(name)), 'beacon_spliced_bytes_total', { direction: 'to_broker' });
    const before = [await splices('c'), await splices('d')];
    let carrier = '';
    while (carrier === '') {
      const now = [await splices('c'), await splices('d')];
      const grown = now.map((bytes, at) => bytes - (before[at] ?? 0));
      if (Math.max(...grown) > BYTES) carrier = (grown[0] ?? 0) > (grown[1] ?? 0) ? 'c' : 'd';
    }
    await cluster.node(carrier).kill();
    await scrapeUntil(
      bridge,
      (all) =>
        sumOf(all, 'beacon_failovers_total', { why: 'lost' }) > 0 &&
        sumOf(all, 'beacon_failover_duration_seconds_count') > 0,
    );
    await scrapeUntil(broker, (all) => sumOf(all, 'beacon_reconnects_total') > 0);
    socket.resetAndDestroy();
  });
});
