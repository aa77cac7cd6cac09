/**
 * The budget of handshakes, one for all listeners of a process: who may begin to cost CPU, when, and who must go when
 * there are too many (docs/decisions/0026). It knows sources and what it is told, no sockets.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import {
  HANDSHAKE_LOOK_MS,
  HANDSHAKE_PLACES,
  HANDSHAKE_PLACES_KEPT,
  HANDSHAKE_TURNS,
  UNFINISHED_HANDSHAKES,
  UNFINISHED_OF_PROVEN,
} from '../../base/limits.ts';
import { loopIdleMs } from '../../base/loop-idle.ts';
import { CpuShare } from './cpu-share.ts';
import { Crowd, type CrowdMember } from './crowd.ts';
import { ProvenSources } from './proven-sources.ts';
import { type Turn, Turns } from './turns.ts';

export interface HandshakesOptions {
  readonly clock: Clock;
  /** Default: what Node says of this process. */
  readonly idleMs?: () => number;
}

/** What the owner of a handshake does; neither may throw. */
export interface HandshakeOwner {
  /** It has a place: TLS begins now. The owner calls {@link Handshake.written} when the server's flight is out. */
  start(): void;
  /** There are too many and its source has the most: it is to be closed. Nothing more is called. */
  crowded(): void;
}

/** A connection from its accept to the end of its handshake. Calls after its end do nothing. */
export interface Handshake {
  /** Its whole ClientHello is here. `start` may be called before this returns. To be called once. */
  ready(): void;
  /** The server's flight is written: gives the place back. */
  written(): void;
  /** Its handshake is done. */
  done(): void;
  /** It is gone, whatever the reason. Idempotent. */
  leave(): void;
}

/** For metrics. */
export interface HandshakesStatus {
  /** Between accept and the end of the handshake. */
  readonly unfinished: number;
  /** With a whole ClientHello, and no place yet. */
  readonly waiting: number;
  readonly places: number;
  readonly paused: boolean;
}

interface Entry extends Handshake {
  readonly source: string;
  readonly owner: HandshakeOwner;
  state: 'reading' | 'waiting' | 'placed' | 'started' | 'gone';
  /** Whether it went into the line, or took its place, as one of a proven source. */
  proven: boolean;
  charged: number;
  member: CrowdMember<Entry> | undefined;
  turn: Turn<Entry> | undefined;
}

export class Handshakes {
  readonly #clock: Clock;
  readonly #share: CpuShare;
  readonly #proven = new ProvenSources();
  readonly #crowd: Crowd<Entry>;
  readonly #provenLine = new Turns<Entry>();
  readonly #line = new Turns<Entry>();
  #placesOfProven = 0;
  #placesOfOthers = 0;
  /** Starts of proven sources since the last one of others. */
  #provenInRow = 0;
  #paused = false;
  #starting = false;
  /** When the handshake that is being measured began. */
  #mark = 0;
  #timer: Timer | undefined;

  constructor({ clock, idleMs = loopIdleMs }: HandshakesOptions) {
    this.#clock = clock;
    this.#share = new CpuShare(clock, idleMs);
    this.#crowd = new Crowd((source) => this.#isProven(source), UNFINISHED_OF_PROVEN);
  }

  get status(): HandshakesStatus {
    return {
      unfinished: this.#crowd.size,
      waiting: this.#line.size + this.#provenLine.size,
      places: this.#places,
      paused: this.#paused,
    };
  }

  /**
   * A connection of `source` (as {@link proved} names it) was accepted. Where that makes too many, one is told that it is
   * crowded out before this returns; it may be this one.
   */
  enter(source: string, owner: HandshakeOwner): Handshake {
    const entry: Entry = {
      ...{ source, owner, state: 'reading', proven: false, charged: 0, member: undefined, turn: undefined },
      ready: () => this.#onReady(entry),
      written: () => this.#onWritten(entry),
      done: () => this.#onDone(entry),
      leave: () => this.#leave(entry),
    };
    entry.member = this.#crowd.add(source, entry);
    this.#share.chargeAccept();
    if (this.#crowd.size > UNFINISHED_HANDSHAKES) {
      const heaviest = this.#crowd.heaviest();
      if (heaviest) this.#leave(heaviest);
      heaviest?.owner.crowded();
    }
    return entry;
  }

  /**
   * A connection of `source` has shown a proof that holds: it goes before others until ten minutes after its last such
   * connection. The caller calls what this returns, once, when that connection has ended.
   */
  proved(source: string): () => void {
    this.#proven.proved(source);
    this.#crowd.review(source);
    for (const entry of this.#line.of(source)) {
      if (entry.turn) this.#line.remove(entry.turn);
      this.#enqueue(entry);
    }
    this.#pump();
    let ended = false;
    return () => {
      if (!ended) this.#proven.left(source, this.#clock.now());
      ended = true;
    };
  }

  /** The process is overloaded: only proven sources get places. Closes nobody; whoever waits does so until its deadline. */
  pause(): void {
    this.#paused = true;
  }

  /** Idempotent, as is {@link pause}. */
  resume(): void {
    this.#paused = false;
    this.#pump();
  }

  get #places(): number {
    return this.#placesOfProven + this.#placesOfOthers;
  }

  #isProven(source: string): boolean {
    return this.#proven.has(source, this.#clock.now());
  }

  #onReady(entry: Entry): void {
    if (entry.state !== 'reading') return;
    entry.state = 'waiting';
    this.#enqueue(entry);
    this.#pump();
  }

  #onWritten(entry: Entry): void {
    if (entry.state !== 'placed') return;
    const now = this.#clock.now();
    // Handshakes that were started together are worked on one after the other.
    this.#share.measured(now - this.#mark, entry.charged);
    this.#mark = now;
    entry.state = 'started';
    this.#givePlaceBack(entry);
    this.#pump();
  }

  #onDone(entry: Entry): void {
    if (entry.state === 'gone') return;
    this.#share.chargeUsual();
    this.#leave(entry);
  }

  #leave(entry: Entry): void {
    const { state, member, turn } = entry;
    if (state === 'gone') return;
    entry.state = 'gone';
    if (member) this.#crowd.remove(member);
    if (state === 'waiting' && turn) (entry.proven ? this.#provenLine : this.#line).remove(turn);
    if (state === 'placed') this.#givePlaceBack(entry);
    this.#pump();
  }

  #enqueue(entry: Entry): void {
    entry.proven = this.#isProven(entry.source);
    entry.turn = (entry.proven ? this.#provenLine : this.#line).add(entry.source, entry);
  }

  #givePlaceBack(entry: Entry): void {
    if (entry.proven) this.#placesOfProven -= 1;
    else this.#placesOfOthers -= 1;
  }

  /** Starts whoever may start, and looks again later where somebody has to wait for time. */
  #pump(): void {
    // What is started may end at once and lead here again.
    if (this.#starting) return;
    this.#starting = true;
    if (this.#places === 0) this.#mark = this.#clock.now();
    for (let left = this.#lineToServe() ? this.#share.allowance() : 0; left > 0; left -= 1) {
      const entry = this.#lineToServe()?.next();
      if (entry) this.#start(entry);
      else break;
    }
    this.#starting = false;
    if (this.#lineToServe()) this.#timer ??= this.#clock.after(HANDSHAKE_LOOK_MS, () => this.#onTimer());
    else this.#stopTimer();
  }

  #onTimer(): void {
    this.#timer = undefined;
    this.#pump();
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #start(entry: Entry): void {
    entry.state = 'placed';
    entry.charged = this.#share.chargeUsual();
    if (entry.proven) {
      this.#placesOfProven += 1;
      this.#provenInRow += 1;
    } else {
      this.#placesOfOthers += 1;
      this.#provenInRow = 0;
    }
    entry.owner.start();
  }

  /** The line whose turn it is, if one in it may have a place. */
  #lineToServe(): Turns<Entry> | undefined {
    if (this.#places >= HANDSHAKE_PLACES) return undefined;
    const free = this.#placesOfOthers < HANDSHAKE_PLACES - HANDSHAKE_PLACES_KEPT;
    const others = free && !this.#paused && this.#line.size > 0;
    const proven = this.#provenLine.size > 0;
    if (others && (!proven || this.#provenInRow >= HANDSHAKE_TURNS - 1)) return this.#line;
    return proven ? this.#provenLine : undefined;
  }
}
