/**
 * Dashboard and alerts at a real Prometheus (`prometheus` and `promtool` of Debian's package prometheus), which scrapes three
 * relays, a bridge and a broker through a morning with everything in it: pairings, refusals, strangers and a relay that dies.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { makePki } from '../support/certificates.ts';
import { Prometheus, type Target } from '../support/chart/prometheus.ts';
import { ProcessCluster } from '../support/cluster-processes.ts';
import { ALERTS_FILE, filledIn, readAlerts, readDashboard } from '../support/fleet-view.ts';
import { sendRaw } from '../support/http.ts';
import { HEALTH, healthPort } from '../support/metrics.ts';
import { type BeaconProcess, startBeacon } from '../support/processes.ts';
import { readPromql } from '../support/promql.ts';
import { type Store, startStore } from '../support/store.ts';
import { ask, digest, HOST } from '../support/tunnel-processes.ts';
import { dialAs, pairOnce } from '../support/wire-client.ts';

const UNIT_TESTS = 'test/chart/alerts/beacon.test.yaml';

function promtool(...args: string[]): void {
  const { error, status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
  if (error) throw new Error(`promtool is missing: install the package prometheus (${error.message})`);
  expect(`${stdout}${stderr}`).toContain('SUCCESS');
  expect(status).toBe(0);
}

describe('the rules', () => {
  it('are rules', () => promtool('check', 'rules', ALERTS_FILE));

  it('fire when they should, and not when they should not', () => promtool('test', 'rules', UNIT_TESTS));

  it('have a unit test each', () => {
    const { tests }: { tests: readonly { name: string }[] } = parse(readFileSync(UNIT_TESTS, 'utf8'));
    const tested = tests.flatMap(({ name }) => name.split(' and '));
    expect(tested).toEqual(readAlerts().map(({ alert }) => alert));
  });
});

describe('the queries, of a fleet that lives', () => {
  let cluster: ProcessCluster;
  let store: Store;
  let bridge: BeaconProcess;
  let broker: BeaconProcess;
  let prometheus: Prometheus;

  beforeAll(async () => {
    [cluster, store] = await Promise.all([ProcessCluster.start({ more: HEALTH }), startStore()]);
    const relays = [...cluster.nodes].map(([instance, process]) => ({ job: 'relay', instance, process }));
    const ports = relays.map(({ process }) => process.port);
    const vault = ['--vault-addr', `tcp://${HOST}:${store.port}`];
    bridge = await startBeacon(cluster.files.clientArgs('bridge', ports, ...HEALTH, ...vault));
    broker = await startBeacon(cluster.files.clientArgs('broker', ports, ...HEALTH));
    await broker.waitFor('a tunnel has two legs that share no node');
    const daemons = [
      ...relays,
      { job: 'bridge', instance: 'bridge', process: bridge },
      { job: 'broker', instance: 'broker', process: broker },
    ];
    const targets = daemons.map(
      async ({ process, ...target }): Promise<Target> => ({ ...target, port: await healthPort(process) }),
    );
    prometheus = await Prometheus.start(await Promise.all(targets), ALERTS_FILE);
    await prometheus.has(`count(up == 1) == ${daemons.length}`);
    await live();
  }, 90_000);

  afterAll(async () => {
    await prometheus?.close();
    await Promise.all([broker?.kill(), bridge?.kill()]);
    await store?.close();
    await cluster?.remove();
  });

  /** A morning: afterwards Prometheus has seen whatever a panel shows. */
  async function live(): Promise<void> {
    const socket = await ask(broker.port, `source ${1_024 * 1_024}`);
    await digest(socket);
    socket.end();
    await cluster.pairs('a', 'b');
    await pairOnce(cluster.port('b'), makePki({ fresh: true }));
    const pki = makePki({ fresh: true });
    const parked = await cluster.park('a', pki);
    await cluster.knows('b', 'a', pki); // refuses a broker that must avoid the only holder
    await left(pki); // whom the bridge was offered to
    parked.reset();
    await sendRaw(cluster.port('a'), 'GET / HTTP/1.0\r\n\r\n');
    await dialAs('connect', cluster.port('a'), {
      pki: makePki({ fresh: true }),
      more: { infoHash: Buffer.alloc(32) },
    }).then((stranger) => stranger.frame());
    const seenTwice = async (...names: readonly string[]): Promise<void> => {
      for (const name of names) await prometheus.has(`rate(${name}[1m])`);
    };
    // Before it: what only the node has counted that is killed would never be scraped a second time.
    await seenTwice(
      'beacon_parks_dropped_total',
      'beacon_turned_away_total',
      'beacon_refused_later_total',
      'beacon_connections_total{outcome!="admitted"}',
    );
    await failOver();
    await seenTwice('beacon_failover_duration_seconds_count', 'beacon_reconnects_total');
  }

  /** A broker that leaves while its bridge considers the offer. */
  async function left(pki: ReturnType<typeof makePki>): Promise<void> {
    const [bridge, broker] = await Promise.all([cluster.park('c', pki), cluster.connect('c', pki)]);
    await bridge.expect('offer');
    broker.reset();
    await expect(bridge.opaque(1)).rejects.toThrow('before');
  }

  /** Kills the relay that carries a stream, until bytes were under way and had to wait. */
  async function failOver(): Promise<void> {
    const socket = await ask(broker.port, 'endless');
    socket.resume();
    const busiest = 'topk(1, rate(beacon_spliced_bytes_total{direction="to_broker"}[3s]) > 1e6)';
    await prometheus.has(busiest);
    const [carrier] = await prometheus.query(busiest);
    await cluster.node(carrier?.metric['instance'] ?? '').kill();
    await prometheus.has('beacon_failovers_total');
    socket.resetAndDestroy();
  }

  const panels = readDashboard().panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ refId, expr }) => [title, refId, expr] as const),
  );

  it.each(panels)('%s (%s) gives data', async (_title, _refId, expr) => {
    expect(await prometheus.query(filledIn(expr)), expr).not.toEqual([]);
  });

  it('name values of labels that processes say', async () => {
    const expressions = [
      ...panels.map(([, , expr]) => filledIn(expr)),
      ...readAlerts().map(({ expr }) => expr),
    ];
    for (const { metric, matchers } of expressions.flatMap((expr) => readPromql(expr).selectors)) {
      for (const { label, value } of matchers.filter(({ value }) => value !== '.*')) {
        for (const each of value.split('|'))
          expect(
            await prometheus.query(`last_over_time(${metric}{${label}="${each}"}[5m])`),
            each,
          ).not.toEqual([]);
      }
    }
  });

  it('of the alerts are evaluated without an error', async () => {
    for (const { name, health, lastError = '' } of await prometheus.rules())
      expect(`${name} ${health} ${lastError}`).toBe(`${name} ok `);
  });
});
