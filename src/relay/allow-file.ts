/**
 * The allow file: info_hashes that this node serves, one a line, `#` starts a comment. Re-read when its content
 * changes; while a new content has a mistake the last good list stays in force.
 *
 * Polled, not watched: a mounted Kubernetes Secret changes by a symlink swap that file watchers miss.
 */
import { open } from 'node:fs/promises';
import type { Clock, Timer } from '../base/clock.ts';
import { BeaconError, messageOf, systemCode } from '../base/errors.ts';
import { type InfoHash, parseInfoHash } from '../base/info-hash.ts';
import { ALLOW_FILE_BYTES, FILE_POLL_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { readProblem } from '../pki/credentials.ts';

/** Throws BeaconError('config') that names the line. */
export function parseAllowFile(text: string, file: string): Set<InfoHash> {
  const hashes = new Set<InfoHash>();
  for (const [index, line] of text.split('\n').entries()) {
    const content = line.replace(/#.*/, '').trim();
    if (content === '') continue;
    try {
      hashes.add(parseInfoHash(content));
    } catch (cause) {
      throw new BeaconError('config', `--allow-file: ${file}, line ${index + 1}: ${messageOf(cause)}`, {
        cause,
      });
    }
  }
  return hashes;
}

export class AllowFile {
  readonly #file: string;
  readonly #log: Log;
  #text: string;
  #hashes: ReadonlySet<InfoHash>;
  #timer: Timer | undefined;

  private constructor(file: string, log: Log, text: string) {
    this.#file = file;
    this.#log = log;
    this.#text = text;
    this.#hashes = parseAllowFile(text, file);
  }

  /** Reads the file and goes on re-reading it until {@link close}. Throws BeaconError('config'). */
  static async open(file: string, clock: Clock, log: Log): Promise<AllowFile> {
    const list = new AllowFile(file, log, await read(file));
    list.#timer = clock.every(FILE_POLL_MS, () => void list.reload());
    return list;
  }

  get hashes(): ReadonlySet<InfoHash> {
    return this.#hashes;
  }

  /** Reads the file now; never rejects. */
  async reload(): Promise<void> {
    try {
      const text = await read(this.#file);
      if (text === this.#text) return;
      this.#text = text;
      this.#hashes = parseAllowFile(text, this.#file);
      this.#log.info('the allow file was read again', { entries: this.#hashes.size });
    } catch (error) {
      this.#log.warn(`the allow file stays as it was: ${messageOf(error)}`);
    }
  }

  close(): void {
    this.#timer?.cancel();
  }
}

/** Never holds more than the limit in memory, whatever the file is. */
async function read(file: string): Promise<string> {
  let bytes: Buffer;
  try {
    const handle = await open(file);
    bytes = Buffer.concat(await handle.createReadStream({ end: ALLOW_FILE_BYTES }).toArray());
  } catch (cause) {
    throw new BeaconError('config', `--allow-file: ${file} ${readProblem(systemCode(cause))}`, { cause });
  }
  if (bytes.length > ALLOW_FILE_BYTES) {
    throw new BeaconError('config', `--allow-file: ${file} is larger than ${ALLOW_FILE_BYTES} bytes`);
  }
  return bytes.toString();
}
