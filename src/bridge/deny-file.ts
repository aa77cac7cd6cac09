/** The deny file: fingerprints of broker certificates that get no tunnel, one a line; read again when it changes. */
import type { Clock } from '../base/clock.ts';
import { DENY_FILE_BYTES } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { flagOf } from '../config/settings.ts';
import { fingerprintsOf, parseFingerprint } from '../pki/fingerprints.ts';
import { ListFile, type ListKind } from '../pki/list-file.ts';

const KIND: ListKind<string> = {
  flag: flagOf('denyCertFile'),
  name: 'the deny file',
  maxBytes: DENY_FILE_BYTES,
  parse: parseFingerprint,
};

export class DenyFile {
  readonly #list: ListFile<string>;

  private constructor(list: ListFile<string>) {
    this.#list = list;
  }

  /**
   * Reads the file and goes on re-reading it until {@link close}. Throws BeaconError('config').
   *
   * @param onChange runs after each change of the list.
   */
  static async open(file: string, clock: Clock, log: Log, onChange: () => void): Promise<DenyFile> {
    const list = await ListFile.open(file, KIND, clock, log);
    list.onChange = onChange;
    return new DenyFile(list);
  }

  /** @param chain of a broker, DER, leaf first, judged good. */
  denies(chain: readonly Buffer[]): boolean {
    const { entries } = this.#list;
    return entries.size > 0 && fingerprintsOf(chain).some((fingerprint) => entries.has(fingerprint));
  }

  /** Reads the file now; never rejects. */
  reload(): Promise<void> {
    return this.#list.reload();
  }

  close(): void {
    this.#list.close();
  }
}
