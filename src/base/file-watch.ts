/**
 * Files that a daemon reads again while it runs: by their content every FILE_POLL_MS, and when it is asked to. What
 * cannot be used is kept out, and what was in force stays.
 *
 * Polled, not watched: a mounted Kubernetes Secret changes by a symlink swap that file watchers miss.
 */
import { createHash } from 'node:crypto';
import type { Clock, Timer } from './clock.ts';
import { messageOf, systemCode } from './errors.ts';
import { FILE_POLL_MS } from './limits.ts';
import type { Log, LogFields } from './log.ts';
import { readAtMost } from './read-file.ts';

/** One file, or several that are only of use together. */
export interface FileSource<T> {
  /** As people know it, in the log and for metrics: `the allow file`. */
  readonly name: string;
  readonly files: readonly string[];
  /** A file with more bytes is never held in memory; {@link load} says what is wrong with it. */
  readonly maxBytes: number;
  /** Reads the files and checks them. Throws BeaconError('config') that says what to correct. */
  readonly load: () => Promise<T>;
  /** What the log says of a value that was taken over. Default: nothing. */
  readonly describe?: (value: T) => LogFields;
  /** Of certificates: when the first of them expires, in milliseconds since 1970. */
  readonly notAfterMs?: (value: T) => number;
}

/** What became of a source, for status and metrics. */
export interface FileStatus {
  readonly name: string;
  /** Changes that were taken over since the start. */
  readonly reloads: number;
  /** Changes that were kept out since the start. */
  readonly failures: number;
  /** Whether the files hold something now that is kept out. */
  readonly failing: boolean;
  /** Of certificates: when the first of those in force expires, in milliseconds since 1970. */
  readonly notAfterMs: number | undefined;
}

/** The value of a source, always one that was good. */
export interface Watched<T> {
  readonly value: T;
  /** Runs after each change of {@link value}. What it throws keeps the new value out. Set it before {@link FileWatch.start}. */
  onChange: (value: T) => void;
}

/** All that one daemon reads again. Looks at one file at a time, whatever happens. */
export class FileWatch {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #sources: Looked[] = [];
  #timer: Timer | undefined;
  /** The look that is under way, or was the last one. Never rejects. */
  #look: Promise<void> = Promise.resolve();
  #looking = false;
  /** A look that was asked for and has not begun; all who ask meanwhile share it. */
  #next: Promise<void> | undefined;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Loads a source for the first time. Throws what `load` throws. */
  async open<T>(source: FileSource<T>): Promise<Watched<T>> {
    // Before it is loaded: a change in between is then seen at the next look.
    const digest = await digestOf(source);
    const opened = new Source(source, await source.load(), digest, this.#log);
    this.#sources.push(opened);
    return opened;
  }

  get status(): readonly FileStatus[] {
    return this.#sources.map(({ status }) => status);
  }

  /** Begins to look every FILE_POLL_MS, until {@link close}. */
  start(): void {
    this.#timer ??= this.#clock.every(FILE_POLL_MS, () => {
      if (!this.#looking) this.#begin(false);
    });
  }

  /** Looks at all files now, or once the look that is under way is over; says at once what is kept out. Never rejects. */
  reload(): Promise<void> {
    this.#next ??= this.#lookAgain();
    return this.#next;
  }

  /** Resolves when no look is under way. */
  get idle(): Promise<void> {
    return this.#look;
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  async #lookAgain(): Promise<void> {
    // Not `if`: the next poll may have come in between.
    do await this.#look;
    while (this.#looking);
    this.#next = undefined;
    await this.#begin(true);
  }

  #begin(asked: boolean): Promise<void> {
    this.#looking = true;
    this.#look = this.#lookAtAll(asked).finally(() => {
      this.#looking = false;
    });
    return this.#look;
  }

  async #lookAtAll(asked: boolean): Promise<void> {
    let changed = 0;
    for (const source of this.#sources) if (await source.look(asked, this.#clock.wall())) changed += 1;
    if (asked) this.#log.info('all files were looked at, as was asked for', { changed });
  }
}

/** A source, whatever its values are. */
interface Looked {
  readonly status: FileStatus;
  /** Whether it has a new value. */
  look(asked: boolean, wallMs: number): Promise<boolean>;
}

class Source<T> implements Watched<T>, Looked {
  readonly #source: FileSource<T>;
  readonly #log: Log;
  #value: T;
  /** Of the content that {@link value} came from. */
  #digest: string;
  /** Content, and what is wrong with it, that was seen at the last look. */
  #suspected: string | undefined;
  /** The same, once it was warned of. */
  #refused: string | undefined;
  #reloads = 0;
  #failures = 0;
  #expired = false;
  onChange: (value: T) => void = () => {};

  constructor(source: FileSource<T>, value: T, digest: string, log: Log) {
    this.#source = source;
    this.#value = value;
    this.#digest = digest;
    this.#log = log;
  }

  get value(): T {
    return this.#value;
  }

  get status(): FileStatus {
    return {
      name: this.#source.name,
      reloads: this.#reloads,
      failures: this.#failures,
      failing: this.#refused !== undefined,
      notAfterMs: this.#notAfterMs,
    };
  }

  async look(asked: boolean, wallMs: number): Promise<boolean> {
    const digest = await digestOf(this.#source);
    const changed = digest !== this.#digest && (await this.#take(digest, asked));
    if (digest === this.#digest) this.#forget();
    this.#lookAtDates(wallMs);
    return changed;
  }

  async #take(digest: string, asked: boolean): Promise<boolean> {
    const { load, name, describe } = this.#source;
    const before = this.#value;
    try {
      this.#value = await load();
      this.onChange(this.#value);
    } catch (error) {
      this.#value = before;
      this.#keepOut(digest, messageOf(error), asked);
      return false;
    }
    this.#digest = digest;
    this.#reloads += 1;
    this.#log.info(`${name} was read again`, describe?.(this.#value));
    return true;
  }

  get #notAfterMs(): number | undefined {
    return this.#source.notAfterMs?.(this.#value);
  }

  #lookAtDates(wallMs: number): void {
    const expired = (this.#notAfterMs ?? Number.POSITIVE_INFINITY) < wallMs;
    if (expired && !this.#expired)
      this.#log.error(
        `${this.#source.name} has expired: nobody trusts it; write a new one to the same files`,
      );
    this.#expired = expired;
  }

  /** Looked at again each time: dates come, and files are completed. Warned of once, and not while it may be half written. */
  #keepOut(digest: string, message: string, asked: boolean): void {
    const problem = `${digest} ${message}`;
    if (problem === this.#refused) return;
    const lasts = asked || problem === this.#suspected;
    this.#suspected = problem;
    if (!lasts) return;
    this.#refused = problem;
    this.#failures += 1;
    this.#log.warn(`${this.#source.name} stays as it was: ${message}`);
  }

  #forget(): void {
    this.#suspected = undefined;
    this.#refused = undefined;
  }
}

/** Tells one content of all files from another; no content can be had from it. */
async function digestOf({
  files,
  maxBytes,
}: Pick<FileSource<unknown>, 'files' | 'maxBytes'>): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) {
    const content = await contentOf(file, maxBytes);
    hash.update(`${content.length} `).update(content);
  }
  return hash.digest('hex');
}

/** Where there is none, why. */
async function contentOf(file: string, maxBytes: number): Promise<Buffer | string> {
  try {
    return (await readAtMost(file, maxBytes)) ?? 'too large';
  } catch (error) {
    return systemCode(error) ?? 'unreadable';
  }
}
