/** The allow file: info_hashes that this node serves, one a line; read again when it changes. */
import type { Clock } from '../base/clock.ts';
import { type InfoHash, parseInfoHash } from '../base/info-hash.ts';
import { ALLOW_FILE_BYTES } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { ListFile, type ListKind, parseList } from '../pki/list-file.ts';

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

export class AllowFile {
  readonly #list: ListFile<InfoHash>;

  private constructor(list: ListFile<InfoHash>) {
    this.#list = list;
  }

  /** Reads the file and goes on re-reading it until {@link close}. Throws BeaconError('config'). */
  static async open(file: string, clock: Clock, log: Log): Promise<AllowFile> {
    return new AllowFile(await ListFile.open(file, KIND, clock, log));
  }

  get hashes(): ReadonlySet<InfoHash> {
    return this.#list.entries;
  }

  /** Reads the file now; never rejects. */
  reload(): Promise<void> {
    return this.#list.reload();
  }

  close(): void {
    this.#list.close();
  }
}
