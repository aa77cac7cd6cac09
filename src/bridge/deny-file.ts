/** The deny file: fingerprints of broker certificates that get no tunnel, one a line; read again when it changes. */
import type { FileWatch, Watched } from '../base/file-watch.ts';
import { DENY_FILE_BYTES } from '../base/limits.ts';
import { flagOf } from '../config/settings.ts';
import { fingerprintsOf, parseFingerprint } from '../pki/fingerprints.ts';
import { type ListKind, watchList } from '../pki/list-file.ts';

const KIND: ListKind<string> = {
  flag: flagOf('denyCertFile'),
  name: 'the deny file',
  maxBytes: DENY_FILE_BYTES,
  parse: parseFingerprint,
};

/** The fingerprints in `file`, read again when it changes. Throws BeaconError('config'). */
export function watchDenyFile(file: string, watch: FileWatch): Promise<Watched<ReadonlySet<string>>> {
  return watchList(file, KIND, watch);
}

/** @param chain of a broker, DER, leaf first, judged good. */
export function isDenied(chain: readonly Buffer[], denied: ReadonlySet<string>): boolean {
  return denied.size > 0 && fingerprintsOf(chain).some((fingerprint) => denied.has(fingerprint));
}
