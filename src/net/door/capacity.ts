/**
 * What this process can still take: descriptors at accept, time and memory before a handshake. One for all doors of a
 * process. Nothing is closed here that was let in.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { FULL_LINE_MS, LOAD_LOOK_MS } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import { type Descriptors, Headroom, type HeadroomStatus } from './headroom.ts';
import { Load, type LoadStatus, type Shortage } from './load.ts';
import { type LoadSampler, systemDescriptors, systemLoad } from './samplers.ts';

export interface CapacityOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** No new handshake is to begin (true), or they may go on (false). Called at changes only; it begins with false. */
  readonly onPaused: (paused: boolean) => void;
  /** Default: those of the system. */
  readonly descriptors?: Descriptors;
  /** Begins to watch. Default: the system's. */
  readonly watchLoad?: () => LoadSampler;
}

export interface CapacityStatus {
  /** Whether descriptors are left for the next connection. */
  readonly admitting: boolean;
  /** Whether handshakes stand still, for want of time or memory. */
  readonly paused: boolean;
  /** What is short, the most pressing first. */
  readonly reason: Scarce | undefined;
  readonly descriptors: HeadroomStatus;
  readonly load: LoadStatus;
}

export type Scarce = 'descriptors' | Shortage;

const ADVICE: Readonly<Record<Scarce, string>> = {
  descriptors: 'new connections are closed; raise the limit of open files, or add a node',
  eventLoop: 'new clients wait until it has caught up; add a node where this happens often',
  memory: 'new clients wait until some is free; raise the limit of memory, or add a node',
};
const SUBJECT: Readonly<Record<Scarce, string>> = {
  descriptors: 'this relay has few descriptors left',
  eventLoop: 'this relay is short of CPU time',
  memory: 'this relay has little memory left',
};

export class Capacity {
  readonly #options: CapacityOptions;
  readonly #headroom: Headroom;
  readonly #load: Load;
  /** When each was told in the log. */
  readonly #warnedAt = new Map<Scarce, number>();
  /** What was told, and not yet that it is over. */
  readonly #told = new Set<Scarce>();
  readonly #scarce = new Set<Shortage>();
  #watch: { readonly sampler: LoadSampler; readonly timer: Timer } | undefined;

  constructor(options: CapacityOptions) {
    this.#options = options;
    const descriptors = options.descriptors ?? systemDescriptors();
    this.#headroom = new Headroom({
      descriptors,
      onChange: (admitting) => this.#tell('descriptors', !admitting),
    });
    this.#load = new Load({ onChange: (short, isShort) => this.#onLoad(short, isShort) });
  }

  /** Begins to look at time and memory; the caller stops it. */
  start(): void {
    if (this.#watch) return;
    const sampler = (this.#options.watchLoad ?? systemLoad)();
    const { clock } = this.#options;
    const timer = clock.every(LOAD_LOOK_MS, () => {
      this.#load.look(sampler.sample());
      if (!this.#headroom.status.admitting) this.#headroom.look(clock.now());
    });
    this.#watch = { sampler, timer };
  }

  /** Idempotent. */
  stop(): void {
    this.#watch?.timer.cancel();
    this.#watch?.sampler.stop();
    this.#watch = undefined;
  }

  /** For each accepted socket, before all else. False: destroy it at once. True: call {@link released} when it has closed. */
  admit(): boolean {
    return this.#headroom.admit(this.#options.clock.now());
  }

  /** A socket that was let in has closed. */
  released(): void {
    this.#headroom.released();
  }

  get status(): CapacityStatus {
    const descriptors = this.#headroom.status;
    const load = this.#load.status;
    const { admitting } = descriptors;
    const reason = admitting ? load.short : 'descriptors';
    return { admitting, paused: this.#scarce.size > 0, reason, descriptors, load };
  }

  #onLoad(short: Shortage, isShort: boolean): void {
    const before = this.#scarce.size > 0;
    if (isShort) this.#scarce.add(short);
    else this.#scarce.delete(short);
    const paused = this.#scarce.size > 0;
    this.#tell(short, isShort);
    if (paused !== before) this.#options.onPaused(paused);
  }

  /** At most one pair of lines in FULL_LINE_MS for each: strangers can bring it about. */
  #tell(scarce: Scarce, isScarce: boolean): void {
    const { clock, log } = this.#options;
    if (!isScarce) {
      if (this.#told.delete(scarce)) log.info(`${SUBJECT[scarce]}: that is over`);
      return;
    }
    const last = this.#warnedAt.get(scarce);
    if (last !== undefined && clock.now() - last < FULL_LINE_MS) return;
    this.#warnedAt.set(scarce, clock.now());
    this.#told.add(scarce);
    log.warn(`${SUBJECT[scarce]}: ${ADVICE[scarce]}`);
  }
}
