/** `beacon broker`: composes a {@link Broker} and its listener from settings and files. */
import { sleep, systemClock } from '../base/clock.ts';
import { HANDSHAKE_TIMEOUT_MS, STOP_GRACE_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { systemRandom } from '../base/random.ts';
import { SOFTWARE } from '../base/version.ts';
import type { BrokerSettings } from '../config/settings.ts';
import { flagOf } from '../config/settings.ts';
import { TcpListener } from '../net/tcp-listener.ts';
import { loadCredentials } from '../pki/credentials.ts';
import { loadClient } from '../tunnel/client-credentials.ts';
import { Broker } from './broker.ts';

/** Name under which the bridge knows the store. */
const TARGET = 'vault';

export interface RunningBroker {
  readonly broker: Broker;
  readonly address: { readonly address: string; readonly port: number };
  stop(): Promise<void>;
}

/** Resolves when the broker listens; its tunnel may not be up yet. Rejects with BeaconError('config'). */
export async function startBroker(settings: BrokerSettings, log: Log): Promise<RunningBroker> {
  const deps = { clock: systemClock, random: systemRandom, log };
  const { identity, dialer } = await loadClient(settings, 'connect', deps);
  const broker = new Broker({ ...deps, dialer, identity, target: TARGET, software: SOFTWARE });
  const credentials = await listenerCredentials(settings);
  const listener = new TcpListener({
    host: settings.listen.host,
    port: settings.listen.port,
    handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
    clock: systemClock,
    log,
    onLink: (link) => broker.serve(link),
    ...(credentials && { credentials }),
  });
  const address = await listener.listen();
  broker.start();
  log.info('the broker is up', { port: address.port });
  return {
    broker,
    address,
    async stop() {
      const stopped = new AbortController();
      listener.stopAccepting();
      await broker.stop(sleep(systemClock, STOP_GRACE_MS, stopped.signal));
      stopped.abort();
      await listener.close();
    },
  };
}

async function listenerCredentials(
  settings: BrokerSettings,
): Promise<{ certPem: string; keyPem: string } | undefined> {
  const { listenCert, listenKey } = settings;
  if (listenCert === undefined || listenKey === undefined) return undefined;
  const { certificate, key } = await loadCredentials({
    certFile: listenCert,
    keyFile: listenKey,
    flags: { cert: flagOf('listenCert'), key: flagOf('listenKey') },
    wallMs: systemClock.wall(),
  });
  return { certPem: certificate, keyPem: key };
}
