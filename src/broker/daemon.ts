/** `beacon broker`: composes a {@link Broker} and its listeners from settings and files. */
import assert from 'node:assert';
import type { AdminAddresses } from '../admin/admin.ts';
import type { Metrics } from '../admin/metrics.ts';
import { type Administered, withAdmin } from '../admin/with-admin.ts';
import { sleep, systemClock } from '../base/clock.ts';
import { type FileStatus, FileWatch, type Watched } from '../base/file-watch.ts';
import { HANDSHAKE_TIMEOUT_MS, STOP_GRACE_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { systemRandom } from '../base/random.ts';
import { SOFTWARE } from '../base/version.ts';
import type { BrokerSettings } from '../config/settings.ts';
import { flagOf } from '../config/settings.ts';
import type { BoundAddress } from '../net/listen.ts';
import { TcpListener } from '../net/tcp-listener.ts';
import { type ServedPair, watchServedPair } from '../pki/served-pair.ts';
import { loadClient } from '../tunnel/client-credentials.ts';
import { Broker } from './broker.ts';
import { addBrokerMetrics, brokerEvents } from './metrics.ts';
import { statusOf } from './status.ts';

export interface RunningBroker extends Administered {
  readonly broker: Broker;
  /** Of the first listener. */
  readonly address: BoundAddress;
  /** Where each listener listens, in the order of --listen. */
  readonly addresses: readonly BoundAddress[];
  /** Its certificates: what became of their changes. */
  readonly files: readonly FileStatus[];
  /** Reads its files again; never rejects. */
  reload(): Promise<void>;
  stop(): Promise<void>;
}

/** Resolves when the broker listens; its tunnel may not be up yet. Rejects with BeaconError('config'). */
export function startBroker(
  settings: BrokerSettings,
  log: Log,
): Promise<RunningBroker & { readonly admin: AdminAddresses }> {
  return withAdmin({ daemon: 'broker', settings, clock: systemClock, log }, (metrics) =>
    start(settings, log, metrics),
  );
}

async function start(settings: BrokerSettings, log: Log, metrics: Metrics): Promise<RunningBroker> {
  const events = brokerEvents(metrics);
  const watch = new FileWatch(systemClock, log);
  const deps = { clock: systemClock, random: systemRandom, log, events };
  const client = await loadClient(settings, 'connect', { ...deps, watch });
  const { identity, dialer } = client;
  const broker = new Broker({ ...deps, dialer, identity, software: SOFTWARE });
  client.onChange = (fresh) => broker.setIdentity(fresh);
  const pair = await listenerPair(settings, watch);
  const listeners = settings.listen.map(
    ({ host, port, target }) =>
      new TcpListener({
        host,
        port,
        handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
        clock: systemClock,
        log,
        onLink: (link) => broker.serve(link, target),
        ...(pair && { credentials: pair.value }),
      }),
  );
  if (pair) pair.onChange = (fresh) => setCredentials(listeners, fresh);
  const addresses = await listenAll(listeners);
  const [address] = addresses;
  assert(address, 'there is a listener');
  for (const [at, { target }] of settings.listen.entries())
    log.info('clients of a target can connect', { target, port: addresses[at]?.port });
  addBrokerMetrics(metrics, broker, events);
  broker.start();
  watch.start();
  log.info('the broker is up', { port: address.port });
  return {
    broker,
    address,
    addresses,
    get files() {
      return watch.status;
    },
    reload: () => watch.reload(),
    status: () => statusOf(broker),
    async stop() {
      watch.close();
      const stopped = new AbortController();
      for (const listener of listeners) listener.stopAccepting();
      await broker.stop(sleep(systemClock, STOP_GRACE_MS, stopped.signal));
      stopped.abort();
      await closeAll(listeners);
    },
  };
}

/** All of them listen, or none. */
async function listenAll(listeners: readonly TcpListener[]): Promise<readonly BoundAddress[]> {
  const listening = await Promise.allSettled(listeners.map((listener) => listener.listen()));
  const failed = listening.find((each) => each.status === 'rejected');
  if (!failed) return listening.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  await closeAll(listeners);
  throw failed.reason;
}

async function closeAll(listeners: readonly TcpListener[]): Promise<void> {
  await Promise.all(listeners.map((listener) => listener.close()));
}

function setCredentials(listeners: readonly TcpListener[], pair: ServedPair): void {
  for (const listener of listeners) listener.setCredentials(pair);
}

function listenerPair(
  { listenCert, listenKey }: BrokerSettings,
  watch: FileWatch,
): Promise<Watched<ServedPair>> | undefined {
  if (listenCert === undefined || listenKey === undefined) return undefined;
  return watchServedPair(
    {
      certFile: listenCert,
      keyFile: listenKey,
      flags: { cert: flagOf('listenCert'), key: flagOf('listenKey') },
      clock: systemClock,
    },
    watch,
  );
}
