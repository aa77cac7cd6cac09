/** `beacon relay`: composes a {@link Relay} from settings and files. */
import type { AdminAddresses } from '../admin/admin.ts';
import type { Metrics } from '../admin/metrics.ts';
import type { Status } from '../admin/status.ts';
import { withAdmin } from '../admin/with-admin.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import type { Drainable } from '../base/drain.ts';
import { BeaconError } from '../base/errors.ts';
import { type FileStatus, FileWatch } from '../base/file-watch.ts';
import type { Log } from '../base/log.ts';
import { systemRandom } from '../base/random.ts';
import type { ClusterStatus } from '../cluster/cluster.ts';
import { readClusterSecret } from '../cluster/secret.ts';
import type { RelaySettings } from '../config/settings.ts';
import { flagOf } from '../config/settings.ts';
import { TrustedProxies } from '../net/door/trusted-proxies.ts';
import type { SpliceTap } from '../net/splice.ts';
import { ProofMemory } from '../pki/proof-memory.ts';
import { watchServedPair } from '../pki/served-pair.ts';
import { watchAllowFile } from './allow-file.ts';
import { addRelayMetrics, relayEvents } from './metrics.ts';
import type { ClusterPlace } from './neighbours.ts';
import { Relay } from './relay.ts';
import { statusOf } from './status.ts';

export interface RunningRelay extends Drainable {
  /** Where it listens, the port that was asked for or, for 0, the one that was free. */
  readonly address: { readonly address: string; readonly port: number };
  /** Resolves when it is to be stopped: a drain was asked for, or a newer process runs under its name. */
  readonly ended: Promise<void>;
  /** What it knows of its cluster; undefined where it runs alone. */
  clusterStatus(): ClusterStatus | undefined;
  /** For people; see AdminSubject. */
  status(): Status;
  /** Its certificate and allow file: what became of their changes. */
  readonly files: readonly FileStatus[];
  /** Reads its files again; never rejects. */
  reload(): Promise<void>;
  /** Drains, then ends. Rejects with BeaconError('closed') when splices were cut. */
  stop(): Promise<void>;
}

/**
 * Resolves when the relay listens. Rejects with BeaconError('config') that says what to correct.
 *
 * @param tap sees what is spliced; for the demo.
 */
export function startRelay(
  settings: RelaySettings,
  log: Log,
  tap?: SpliceTap,
): Promise<RunningRelay & { readonly admin: AdminAddresses }> {
  const clock = systemClock;
  return withAdmin({ daemon: 'relay', settings, clock, log }, (metrics) =>
    start(settings, log, clock, metrics, tap),
  );
}

async function start(
  settings: RelaySettings,
  log: Log,
  clock: Clock,
  metrics: Metrics,
  tap?: SpliceTap,
): Promise<RunningRelay> {
  const watch = new FileWatch(clock, log);
  const pair = await watchServedPair(
    {
      certFile: settings.tlsCert,
      keyFile: settings.tlsKey,
      flags: { cert: flagOf('tlsCert'), key: flagOf('tlsKey') },
      clock,
    },
    watch,
  );
  const allow = settings.allowFile ? await watchAllowFile(settings.allowFile, watch) : undefined;
  warnOfStrangers(settings, log);
  const memory = new ProofMemory();
  const ended = Promise.withResolvers<void>();
  const cluster = clusterPlace(settings, log);
  const relay = new Relay({
    ...settings.addr,
    credentials: pair.value,
    node: settings.nodeName,
    zone: settings.zone,
    policy: () => ({ allowUnproven: settings.allowUnproven, allowed: allow?.value, memory }),
    clock,
    random: systemRandom,
    log,
    proxies: new TrustedProxies(settings.proxyProtocolFrom ?? []),
    ...(cluster && { cluster }),
    ...(settings.connectionLog && {
      connectionLog: { fields: settings.connectionLogFields ?? [], blur: settings.blur },
    }),
    drainTimeoutMs: settings.drainTimeout * 1_000,
    onSuperseded: ended.resolve,
    events: relayEvents(metrics),
    ...(tap && { tap }),
  });
  pair.onChange = (fresh) => relay.setCredentials(fresh);
  const address = await relay.listen();
  addRelayMetrics(metrics, relay, () => relay.drainState);
  watch.start();
  log.info('the relay is up', { port: address.port, node: settings.nodeName, zone: settings.zone });
  return runningRelay(relay, watch, ended, { address, status: () => statusOf(settings, relay) });
}

function runningRelay(
  relay: Relay,
  watch: FileWatch,
  ended: PromiseWithResolvers<void>,
  rest: Pick<RunningRelay, 'address' | 'status'>,
): RunningRelay {
  return {
    ...rest,
    ended: ended.promise,
    get drainState() {
      return relay.drainState;
    },
    drain() {
      ended.resolve();
      return relay.drain();
    },
    clusterStatus: () => relay.clusterStatus(),
    get files() {
      return watch.status;
    },
    reload: () => watch.reload(),
    stop: () => leave(relay, watch),
  };
}

async function leave(relay: Relay, watch: FileWatch): Promise<void> {
  const { cut } = await relay.drain();
  watch.close();
  await relay.close();
  if (cut > 0) throw cutOff(cut);
}

function cutOff(splices: number): BeaconError {
  const were = splices === 1 ? '1 splice was' : `${splices} splices were`;
  return new BeaconError(
    'closed',
    `${were} cut, not moved to other nodes within ${flagOf('drainTimeout')}; a tunnel goes on where it has another leg`,
  );
}

function warnOfStrangers({ allowFile, allowUnproven }: RelaySettings, log: Log): void {
  if (allowFile === undefined) log.warn('any CA may use this relay; name those it serves with --allow-file');
  if (allowUnproven)
    log.warn('brokers are admitted without a proof: whoever knows an info_hash can occupy its bridge');
}

/** How the settings place this node in a cluster; undefined: it runs alone, and says so. */
function clusterPlace(settings: RelaySettings, log: Log): ClusterPlace | undefined {
  const { clusterPeer, clusterSecretFile, clusterAddr, forwardAddr, clusterAdvertise } = settings;
  if (clusterPeer === undefined || clusterSecretFile === undefined) {
    log.info('this relay runs alone: no --cluster-peer is given');
    return undefined;
  }
  return {
    peers: clusterPeer,
    secret: readClusterSecret(clusterSecretFile, log),
    listen: clusterAddr,
    forwardListen: forwardAddr,
    advertise: clusterAdvertise,
  };
}
