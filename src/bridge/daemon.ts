/** `beacon bridge`: composes a {@link Bridge} from settings and files; two of them while the CA is changed. */
import type { AdminAddresses } from '../admin/admin.ts';
import type { Metrics } from '../admin/metrics.ts';
import { type Administered, withAdmin } from '../admin/with-admin.ts';
import { sleep, systemClock } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import { type FileStatus, FileWatch, type Watched } from '../base/file-watch.ts';
import { PEM_FILE_BYTES, STOP_GRACE_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { systemRandom } from '../base/random.ts';
import { SOFTWARE } from '../base/version.ts';
import type { BridgeSettings } from '../config/settings.ts';
import { flagOf } from '../config/settings.ts';
import { targetsOf } from '../config/targets.ts';
import { certificateToPem } from '../pki/pem.ts';
import { type ClientCredentials, loadClient, readAuthorities } from '../tunnel/client-credentials.ts';
import { Bridge } from './bridge.ts';
import { isDenied, watchDenyFile } from './deny-file.ts';
import { addBridgeMetrics, bridgeEvents } from './metrics.ts';
import { statusOf } from './status.ts';
import { StreamLog } from './stream-log.ts';
import { reachTargets } from './target.ts';

export interface RunningBridge extends Administered {
  readonly bridge: Bridge;
  /** The one for `--tls-cert`, and, while the CA is changed, the one for `--tls-next-cert`. */
  readonly bridges: readonly Bridge[];
  /** Its certificates, CAs and deny file: what became of their changes. */
  readonly files: readonly FileStatus[];
  /** Reads its files again; never rejects. */
  reload(): Promise<void>;
  stop(): Promise<void>;
}

/** Resolves when the bridge runs; it may not be parked yet. Rejects with BeaconError('config'). */
export function startBridge(
  settings: BridgeSettings,
  log: Log,
): Promise<RunningBridge & { readonly admin: AdminAddresses }> {
  return withAdmin({ daemon: 'bridge', settings, clock: systemClock, log }, (metrics) =>
    start(settings, log, metrics),
  );
}

async function start(settings: BridgeSettings, log: Log, metrics: Metrics): Promise<RunningBridge> {
  const events = bridgeEvents(metrics);
  const watch = new FileWatch(systemClock, log);
  const deps = { clock: systemClock, random: systemRandom, log, events };
  const clients = await loadClients(settings, { ...deps, watch });
  const { parks, denyCertFile } = settings;
  const vaultCa = await watchVaultCa(settings, watch);
  const stopped = new AbortController();
  const targets = targetsOf(settings);
  const reach = reachTargets({
    targets,
    ca: () => vaultCa?.value,
    clock: systemClock,
    events,
    signal: stopped.signal,
    tellsClient: settings.targetProxyProtocol,
  });
  const streamLog = settings.streamLog && new StreamLog(systemClock, log);
  const denied = denyCertFile === undefined ? undefined : await watchDenyFile(denyCertFile, watch);
  const denies = denied && ((chain: readonly Buffer[]) => isDenied(chain, denied.value));
  const make = (client: ClientCredentials): Bridge => {
    const bridge = new Bridge({
      ...deps,
      ...client,
      parks,
      reach,
      ...(denies && { denies }),
      ...(streamLog && { streamLog }),
      software: SOFTWARE,
    });
    client.onChange = (identity) => bridge.setIdentity(identity);
    return bridge;
  };
  const bridge = make(clients.own);
  const bridges = [bridge, ...clients.next.map(make)];
  if (denied)
    denied.onChange = () => {
      for (const each of bridges) each.denyListed();
    };
  addBridgeMetrics(metrics, bridges, events);
  for (const each of bridges) each.start();
  watch.start();
  log.info('the bridge is up', { targets: targets.map(({ name }) => name).join(', ') });
  return {
    bridge,
    bridges,
    get files() {
      return watch.status;
    },
    reload: () => watch.reload(),
    status: () => statusOf(bridges, targets.length),
    async stop() {
      watch.close();
      const deadline = sleep(systemClock, STOP_GRACE_MS, stopped.signal);
      await Promise.all(bridges.map((each) => each.stop(deadline)));
      stopped.abort();
    },
  };
}

interface Clients {
  readonly own: ClientCredentials;
  /** At most one. */
  readonly next: readonly ClientCredentials[];
}

async function loadClients(
  settings: BridgeSettings,
  deps: Parameters<typeof loadClient>[2],
): Promise<Clients> {
  const own = await loadClient(settings, 'park', deps);
  const { tlsNextCert: tlsCert, tlsNextKey: tlsKey } = settings;
  if (tlsCert === undefined || tlsKey === undefined) return { own, next: [] };
  const flags = { cert: flagOf('tlsNextCert'), key: flagOf('tlsNextKey') };
  const next = await loadClient({ ...settings, tlsCert, tlsKey }, 'park', deps, flags);
  if (next.identity.infoHash !== own.identity.infoHash) return { own, next: [next] };
  throw new BeaconError(
    'config',
    `${flags.cert} ${tlsCert} comes from the same CA as ${flagOf('tlsCert')}; it is for the other CA while that is changed`,
  );
}

/** The CAs for the store's certificate, PEM; undefined: the system's. */
function watchVaultCa(
  { vaultCa }: BridgeSettings,
  watch: FileWatch,
): Promise<Watched<readonly string[]>> | undefined {
  if (vaultCa === undefined) return undefined;
  return watch.open<readonly string[]>({
    name: `the CA of ${flagOf('vaultCa')}`,
    files: [vaultCa],
    maxBytes: PEM_FILE_BYTES,
    load: async () => (await readAuthorities(vaultCa, flagOf('vaultCa'))).map(certificateToPem),
    describe: (certificates) => ({ entries: certificates.length }),
  });
}
