/**
 * It works and is slow: which hop is it? A delaying proxy stands in each of the three in turn, and the metrics that
 * docs/troubleshooting.md names tell which one. Real processes.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makePki } from '../support/certificates.ts';
import { HEALTH, scrape, scrapeUntil, sumOf } from '../support/metrics.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../support/processes.ts';
import { type Store, startStore } from '../support/store.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { ask, digest } from '../support/tunnel-processes.ts';

/** Each way. A round trip through the proxy takes twice as long. */
const DELAY_MS = 150;
/** Seconds: more than any hop here takes on a busy machine, and well below the round trip of a delayed one. */
const SLOW = 0.12;

const ROUND_TRIP = 'beacon_round_trip_seconds';
const OPENING = 'beacon_stream_open_duration_seconds';
const PING = 'beacon_ping_round_trip_seconds';

type Hop = 'target' | 'bridge' | 'broker';

let files: PkiDirectory;
let store: Store;
let relay: BeaconProcess;
let bridge: BeaconProcess;
let broker: BeaconProcess;
let proxies: Record<Hop, TcpProxy>;

beforeAll(async () => {
  files = await makePkiDirectory();
  store = await startStore({ tls: makePki().relay });
  relay = await startBeacon(files.relayArgs(...HEALTH));
  proxies = {
    target: await TcpProxy.listen(store.port),
    bridge: await TcpProxy.listen(relay.port),
    broker: await TcpProxy.listen(relay.port),
  };
  const url = `https://localhost:${proxies.target.port}`;
  const target = ['--vault-addr', url, '--vault-ca', files.file('relay-ca.crt')];
  bridge = await startBeacon(files.clientArgs('bridge', [proxies.bridge.port], ...HEALTH, ...target));
  broker = await startBeacon(files.clientArgs('broker', [proxies.broker.port], ...HEALTH));
  await broker.waitFor('a tunnel to the bridge is up');
});

afterAll(async () => {
  await Promise.all([broker, bridge, relay].map((each) => each?.kill()));
  await Promise.all(Object.values(proxies ?? {}).map((each) => each.close()));
  await store?.close();
  await files?.remove();
});

/** Nothing is slow, and the ends of the tunnel have noticed; then that hop is. */
async function slow(hop: Hop): Promise<void> {
  for (const proxy of Object.values(proxies)) proxy.delayMs = 0;
  await tunnel('fast');
  proxies[hop].delayMs = DELAY_MS;
}

async function request(): Promise<void> {
  const client = await ask(broker.port, 'source 5');
  expect((await digest(client)).bytes).toBe(5);
  client.end();
}

/** Waits until the round trip of the tunnel, as its ends measure it, is on that side of SLOW. */
async function tunnel(is: 'slow' | 'fast'): Promise<void> {
  for (;;) {
    const seconds = sumOf(await scrape(broker), ROUND_TRIP, { hop: 'tunnel' });
    if (seconds > 0 && seconds > SLOW === (is === 'slow')) return;
    // Each brings measurements with it, which are smoothed.
    await request();
  }
}

/** Mean of what a histogram of `process` gets while `during` runs, and until it gets something. */
async function mean(process: BeaconProcess, name: string, during?: () => Promise<void>): Promise<number> {
  const before = await scrape(process);
  const added = (now: typeof before, part: 'sum' | 'count'): number =>
    sumOf(now, `${name}_${part}`) - sumOf(before, `${name}_${part}`);
  await during?.();
  const after = await scrapeUntil(process, (now) => added(now, 'count') > 0);
  return added(after, 'sum') / added(after, 'count');
}

it('between bridge and store: streams open late, and the tunnel is fast', async () => {
  await slow('target');
  expect(await mean(broker, OPENING, request)).toBeGreaterThan(SLOW);
  await tunnel('fast');
});

it('between broker and relay: the tunnel is slow, and the pings of the relay are fast', async () => {
  await slow('broker');
  await tunnel('slow');
  expect(await mean(relay, PING)).toBeLessThan(SLOW);
});

it('between relay and bridge: the tunnel is slow, and so are the pings of the relay', async () => {
  await slow('bridge');
  await tunnel('slow');
  expect(await mean(relay, PING)).toBeGreaterThan(SLOW);
});

it('by metrics that the page names', () => {
  const page = readFileSync('docs/troubleshooting.md', 'utf8');
  for (const name of [ROUND_TRIP, OPENING, PING]) expect(page).toContain(name);
});
