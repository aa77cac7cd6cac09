/** `beacon bridge`: composes a {@link Bridge} from settings and files. */
import { sleep, systemClock } from '../base/clock.ts';
import { STOP_GRACE_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { systemRandom } from '../base/random.ts';
import { SOFTWARE } from '../base/version.ts';
import type { BridgeSettings } from '../config/settings.ts';
import { flagOf } from '../config/settings.ts';
import { certificateToPem } from '../pki/pem.ts';
import { loadClient, readAuthorities } from '../tunnel/client-credentials.ts';
import { Bridge } from './bridge.ts';
import { vaultTarget } from './target.ts';

export interface RunningBridge {
  readonly bridge: Bridge;
  stop(): Promise<void>;
}

/** Resolves when the bridge runs; it may not be parked yet. Rejects with BeaconError('config'). */
export async function startBridge(settings: BridgeSettings, log: Log): Promise<RunningBridge> {
  const deps = { clock: systemClock, random: systemRandom, log };
  const { identity, dialer } = await loadClient(settings, 'park', deps);
  const { vaultCa } = settings;
  const authorities = vaultCa === undefined ? undefined : await readAuthorities(vaultCa, flagOf('vaultCa'));
  const stopped = new AbortController();
  const reach = vaultTarget({
    address: settings.vaultAddr,
    ca: authorities?.map(certificateToPem),
    clock: systemClock,
    signal: stopped.signal,
  });
  const bridge = new Bridge({ ...deps, dialer, identity, parks: settings.parks, reach, software: SOFTWARE });
  bridge.start();
  log.info('the bridge is up');
  return {
    bridge,
    async stop() {
      await bridge.stop(sleep(systemClock, STOP_GRACE_MS, stopped.signal));
      stopped.abort();
    },
  };
}
