/** The allow file: info_hashes that this node serves, one a line; read again when it changes. */
import type { FileWatch, Watched } from '../base/file-watch.ts';
import { type InfoHash, parseInfoHash } from '../base/info-hash.ts';
import { ALLOW_FILE_BYTES } from '../base/limits.ts';
import { type ListKind, parseList, watchList } from '../pki/list-file.ts';

const KIND: ListKind<InfoHash> = {
  flag: '--allow-file',
  name: 'the allow file',
  maxBytes: ALLOW_FILE_BYTES,
  parse: parseInfoHash,
};

/** Throws BeaconError('config') that names the line. */
export function parseAllowFile(text: string, file: string): Set<InfoHash> {
  return parseList(text, file, KIND);
}

/** The info_hashes in `file`, read again when it changes. Throws BeaconError('config'). */
export function watchAllowFile(file: string, watch: FileWatch): Promise<Watched<ReadonlySet<InfoHash>>> {
  return watchList(file, KIND, watch);
}
