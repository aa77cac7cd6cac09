/**
 * A file with one entry a line, of which `#` starts a comment. Re-read when its content changes; while a new content has
 * a mistake the last good list stays in force.
 *
 * Polled, not watched: a mounted Kubernetes Secret changes by a symlink swap that file watchers miss.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { BeaconError, messageOf, systemCode } from '../base/errors.ts';
import { FILE_POLL_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { readAtMost, readProblem } from '../base/read-file.ts';

/** What a list is of, and how people know it. */
export interface ListKind<T> {
  /** `--allow-file` */
  readonly flag: string;
  /** `the allow file`, for the log. */
  readonly name: string;
  /** A larger file is refused. */
  readonly maxBytes: number;
  /** One entry, without comment and blanks. Throws `config`. */
  readonly parse: (entry: string) => T;
}

/** Throws BeaconError('config') that names the line. */
export function parseList<T>(text: string, file: string, { flag, parse }: ListKind<T>): Set<T> {
  const entries = new Set<T>();
  for (const [index, line] of text.split('\n').entries()) {
    const content = line.replace(/#.*/, '').trim();
    if (content === '') continue;
    try {
      entries.add(parse(content));
    } catch (cause) {
      throw new BeaconError('config', `${flag}: ${file}, line ${index + 1}: ${messageOf(cause)}`, { cause });
    }
  }
  return entries;
}

export class ListFile<T> {
  readonly #file: string;
  readonly #kind: ListKind<T>;
  readonly #log: Log;
  #text: string;
  #entries: ReadonlySet<T>;
  #timer: Timer | undefined;
  /** Runs after each change of {@link entries}. Set it before the event loop turns. */
  onChange: () => void = () => {};

  private constructor(file: string, kind: ListKind<T>, log: Log, text: string) {
    this.#file = file;
    this.#kind = kind;
    this.#log = log;
    this.#text = text;
    this.#entries = parseList(text, file, kind);
  }

  /** Reads the file and goes on re-reading it each FILE_POLL_MS until {@link close}. Throws BeaconError('config'). */
  static async open<T>(file: string, kind: ListKind<T>, clock: Clock, log: Log): Promise<ListFile<T>> {
    const list = new ListFile(file, kind, log, await read(file, kind));
    list.#timer = clock.every(FILE_POLL_MS, () => void list.reload());
    return list;
  }

  get entries(): ReadonlySet<T> {
    return this.#entries;
  }

  /** Reads the file now; never rejects. */
  async reload(): Promise<void> {
    const { name } = this.#kind;
    try {
      const text = await read(this.#file, this.#kind);
      if (text === this.#text) return;
      this.#text = text;
      this.#entries = parseList(text, this.#file, this.#kind);
      this.#log.info(`${name} was read again`, { entries: this.#entries.size });
    } catch (error) {
      return this.#log.warn(`${name} stays as it was: ${messageOf(error)}`);
    }
    this.onChange();
  }

  close(): void {
    this.#timer?.cancel();
  }
}

/** Never holds more than the limit in memory, whatever the file is. */
async function read(file: string, { flag, maxBytes }: Omit<ListKind<unknown>, 'parse'>): Promise<string> {
  let bytes: Buffer | undefined;
  try {
    bytes = await readAtMost(file, maxBytes);
  } catch (cause) {
    throw new BeaconError('config', `${flag}: ${file} ${readProblem(systemCode(cause))}`, { cause });
  }
  if (bytes) return bytes.toString();
  throw new BeaconError('config', `${flag}: ${file} is larger than ${maxBytes} bytes`);
}
