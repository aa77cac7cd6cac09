/** The certificate and key that a listener serves, read again when their files change. */
import type { Clock } from '../base/clock.ts';
import type { FileWatch, Watched } from '../base/file-watch.ts';
import { PEM_FILE_BYTES } from '../base/limits.ts';
import { loadCredentials } from './credentials.ts';

export interface ServedPairOptions {
  readonly certFile: string;
  readonly keyFile: string;
  /** Names of the settings: `--tls-cert`. */
  readonly flags: { readonly cert: string; readonly key: string };
  readonly clock: Clock;
}

export interface ServedPair {
  /** The chain, leaf first. */
  readonly certPem: string;
  readonly keyPem: string;
  /** When the first certificate of the chain expires, in milliseconds since 1970. */
  readonly notAfterMs: number;
}

/** Throws BeaconError('config') that names the flag and the file. */
export function watchServedPair(
  { certFile, keyFile, flags, clock }: ServedPairOptions,
  watch: FileWatch,
): Promise<Watched<ServedPair>> {
  return watch.open<ServedPair>({
    name: `the certificate of ${flags.cert}`,
    files: [certFile, keyFile],
    maxBytes: PEM_FILE_BYTES,
    load: async () => {
      const wallMs = clock.wall();
      const { certificate, key, notAfterMs } = await loadCredentials({ certFile, keyFile, flags, wallMs });
      return { certPem: certificate, keyPem: key, notAfterMs };
    },
    describe: ({ notAfterMs }) => ({ notAfter: new Date(notAfterMs).toISOString() }),
    notAfterMs: ({ notAfterMs }) => notAfterMs,
  });
}
