/** `beacon bridge`: composes a {@link Bridge} from settings and files; two of them while the CA is changed. */
import { sleep, systemClock } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import { STOP_GRACE_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { systemRandom } from '../base/random.ts';
import { SOFTWARE } from '../base/version.ts';
import type { BridgeSettings } from '../config/settings.ts';
import { flagOf } from '../config/settings.ts';
import { targetsOf } from '../config/targets.ts';
import { certificateToPem } from '../pki/pem.ts';
import { type ClientCredentials, loadClient, readAuthorities } from '../tunnel/client-credentials.ts';
import { Bridge } from './bridge.ts';
import { DenyFile } from './deny-file.ts';
import { StreamLog } from './stream-log.ts';
import { reachTargets } from './target.ts';

export interface RunningBridge {
  readonly bridge: Bridge;
  /** The one for `--tls-cert`, and, while the CA is changed, the one for `--tls-next-cert`. */
  readonly bridges: readonly Bridge[];
  stop(): Promise<void>;
}

/** Resolves when the bridge runs; it may not be parked yet. Rejects with BeaconError('config'). */
export async function startBridge(settings: BridgeSettings, log: Log): Promise<RunningBridge> {
  const deps = { clock: systemClock, random: systemRandom, log };
  const clients = await loadClients(settings, deps);
  const { vaultCa, parks } = settings;
  const authorities = vaultCa === undefined ? undefined : await readAuthorities(vaultCa, flagOf('vaultCa'));
  const stopped = new AbortController();
  const targets = targetsOf(settings);
  const reach = reachTargets({
    targets,
    ca: authorities?.map(certificateToPem),
    clock: systemClock,
    signal: stopped.signal,
    tellsClient: settings.targetProxyProtocol,
  });
  const streamLog = settings.streamLog && new StreamLog(systemClock, log);
  const denied = await openDenyFile(settings, log, () => {
    for (const each of bridges) each.denyListed();
  });
  const denies = denied && ((chain: readonly Buffer[]) => denied.denies(chain));
  const make = (client: ClientCredentials): Bridge =>
    new Bridge({
      ...deps,
      ...client,
      parks,
      reach,
      ...(denies && { denies }),
      ...(streamLog && { streamLog }),
      software: SOFTWARE,
    });
  const bridge = make(clients.own);
  const bridges = [bridge, ...clients.next.map(make)];
  for (const each of bridges) each.start();
  log.info('the bridge is up', { targets: targets.map(({ name }) => name).join(', ') });
  return {
    bridge,
    bridges,
    async stop() {
      denied?.close();
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

function openDenyFile(
  { denyCertFile }: BridgeSettings,
  log: Log,
  onChange: () => void,
): Promise<DenyFile> | undefined {
  return denyCertFile === undefined ? undefined : DenyFile.open(denyCertFile, systemClock, log, onChange);
}
