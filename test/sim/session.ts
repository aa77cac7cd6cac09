/**
 * One end of a session in a run: the production session with the smallest driver that does what
 * src/tunnel/session-stream.ts does, without Node streams.
 */
import { Alarm } from '../../src/base/alarm.ts';
import type { Timer } from '../../src/base/clock.ts';
import { BeaconError } from '../../src/base/errors.ts';
import {
  LEG_LINGER_MS,
  SESSION_LEG_BUFFER_BYTES,
  SESSION_WINDOW_BYTES,
  STREAM_BUFFER_BYTES,
} from '../../src/base/limits.ts';
import { encodeTunnelFrame, type TunnelFrame } from '../../src/tunnel/frames.ts';
import type { Standing } from '../../src/tunnel/session/attach.ts';
import { Session } from '../../src/tunnel/session/session.ts';
import type {
  SessionEffect,
  SessionInput,
  SessionRole,
  SessionStats,
} from '../../src/tunnel/session/types.ts';
import type { SimLeg, SimLegHandler } from './leg.ts';
import type { ProcessClock } from './process-clock.ts';
import type { World } from './world.ts';

/** Who reads and writes what a session carries, and is told of its legs. */
export interface SessionOwner {
  onBytes(bytes: Buffer): void;
  /** The other end has ended its direction. */
  onEnd(): void;
  /** More may be written. */
  onRoom(): void;
  /** It has failed: cut off for too long, aborted here or there. */
  onFailed(error: BeaconError): void;
  onLegGone(leg: SimLeg, error: BeaconError | undefined): void;
  onSuspect(): void;
  onMove(to: SimLeg, why: 'lost' | 'stalled'): void;
  onLeave(node: string): void;
  /** No leg and no timer of it is left. */
  onGone(): void;
}

export interface SimSessionOptions {
  readonly world: World;
  readonly clock: ProcessClock;
  /** The host, for levels. */
  readonly name: string;
  readonly role: SessionRole;
  /** 16 bytes. */
  readonly id: Buffer;
}

/** A window and one chunk. */
const MOST_KEPT = SESSION_WINDOW_BYTES + STREAM_BUFFER_BYTES;

/** One read in fifty finds its reader busy for up to so long. */
const BUSY_READS = 0.02;
const BUSY_MS = 400;

export class SimSession implements SimLegHandler {
  readonly id: Buffer;
  /** To be set before anything is attached. */
  owner: SessionOwner | undefined;
  readonly #options: SimSessionOptions;
  readonly #session: Session;
  readonly #alarm: Alarm;
  readonly #legs = new Map<number, SimLeg>();
  #key: Buffer | undefined;
  #delivered = 0;
  /** The reader is gone: what comes is taken and passed over. */
  #closed = false;
  #linger: Timer | undefined;
  /** Legs that say their last words. */
  #finishing = 0;
  #gone = false;
  #busy: Timer | undefined;
  #mostKept = 0;

  constructor(options: SimSessionOptions) {
    const { clock, role, id } = options;
    this.#options = options;
    this.id = id;
    this.#session = new Session(role, clock.now());
    this.#alarm = new Alarm(clock, () => this.#input({ on: 'tick' }));
    this.#settle();
  }

  establish(key: Buffer): void {
    this.#key = key;
    this.#input({ on: 'established' });
  }

  get key(): Buffer | undefined {
    return this.#alive ? this.#key : undefined;
  }

  get standing(): Standing {
    return { received: this.#session.received, acked: this.#session.acked };
  }

  get legs(): readonly SimLeg[] {
    return [...this.#legs.values()];
  }

  get stats(): SessionStats {
    return this.#session.stats(this.#options.clock.now());
  }

  /** Whether more may be written now; else {@link SessionOwner.onRoom} follows. */
  get room(): boolean {
    return this.#session.room;
  }

  attach(leg: SimLeg, offset: number, floor: number): void {
    if (!this.#alive) return leg.reset();
    leg.handler = this;
    this.#legs.set(leg.id, leg);
    this.#input({ on: 'attach', leg: leg.id, offset, floor });
  }

  leave(node: string): void {
    this.#options.world.reached('bridge: a broker is told to leave a node');
    for (const leg of this.#legs.keys()) this.#input({ on: 'leave', leg, node });
  }

  release(leg: SimLeg): void {
    if (this.#legs.get(leg.id) === leg) this.onLost(leg, false, undefined);
  }

  write(bytes: Buffer): void {
    if (!this.#alive) return;
    this.#input({ on: 'write', bytes });
    this.#level();
  }

  /** Nothing more will be written. */
  end(): void {
    if (this.#alive) this.#input({ on: 'end' });
  }

  /** Both directions have ended, as far as this end is concerned: the other end is told so, for a while. */
  close(): void {
    if (this.#closed || !this.#alive) return;
    this.#closed = true;
    const error = new BeaconError('closed', 'the tunnel was cut here');
    this.#linger = this.#options.clock.after(LEG_LINGER_MS, () => this.#input({ on: 'abort', error }));
    this.#settle();
  }

  abort(error: BeaconError): void {
    this.#closed = true;
    this.#input({ on: 'abort', error });
  }

  // ---- legs

  onData(leg: SimLeg, offset: number, bytes: Buffer): void {
    this.#step({ on: 'data', leg: leg.id, offset, bytes });
  }

  onFrame(leg: SimLeg, frame: TunnelFrame): void {
    this.#step({ on: 'frame', leg: leg.id, frame });
  }

  /** As a rule what came is taken at once; now and then its reader is busy. */
  onRead(): void {
    const { clock, world } = this.#options;
    if (!this.#busy && world.random.fraction() >= BUSY_READS) {
      this.#step({ on: 'consumed', total: this.#delivered });
    } else if (!this.#busy) {
      this.#busy = clock.after(BUSY_MS * world.random.fraction(), () => {
        this.#busy = undefined;
        this.#input({ on: 'consumed', total: this.#delivered });
      });
    }
    this.#settle();
  }

  onRoom(): void {
    this.#settle();
  }

  onLost(leg: SimLeg, clean: boolean, error: BeaconError | undefined): void {
    this.#legs.delete(leg.id);
    if (clean && this.#session.state === 'done') {
      this.#finishing += 1;
      leg.finish([], () => this.#finished());
    } else {
      leg.reset();
    }
    this.#input({ on: 'lost', leg: leg.id, clean });
    this.owner?.onLegGone(leg, error);
  }

  // ---- the session

  get #alive(): boolean {
    const { state } = this.#session;
    return state === 'open' || state === 'done';
  }

  #input(input: SessionInput): void {
    this.#step(input);
    this.#settle();
  }

  #step(input: SessionInput): void {
    for (const effect of this.#session.step(input, this.#options.clock.now())) this.#carryOut(effect);
  }

  #settle(): void {
    for (const leg of this.#legs.values()) this.#pump(leg);
    if (!this.#gone) this.#alarm.set(this.#session.deadline());
  }

  #pump(leg: SimLeg): void {
    while (leg.hasRoom) {
      const pieces = this.#session.next(leg.id, SESSION_LEG_BUFFER_BYTES, this.#options.clock.now());
      if (pieces.length === 0) return this.#session.state === 'done' ? leg.end() : undefined;
      leg.write(pieces);
    }
  }

  #carryOut(effect: SessionEffect): void {
    const { owner } = this;
    switch (effect.do) {
      case 'deliver':
        this.#delivered += effect.bytes.length;
        if (!this.#closed) owner?.onBytes(effect.bytes);
        return;
      case 'ended':
        if (!this.#closed) owner?.onEnd();
        return;
      case 'room':
        this.#options.world.reached('a session is held up by its window');
        return owner?.onRoom();
      case 'drop':
        return this.#drop(effect.leg, effect.reason);
      case 'suspect':
        this.#options.world.reached('a leg is suspected');
        return owner?.onSuspect();
      case 'move':
        return this.#moved(effect.to, effect.why);
      case 'leave':
        return owner?.onLeave(effect.node);
      case 'dangling':
        return this.#options.world.reached('a session has no leg');
      case 'resumed':
      case 'done':
        return;
      case 'over':
        return this.#end([]);
      case 'fail':
        this.#end([encodeTunnelFrame({ type: 'abort' })]);
        return owner?.onFailed(effect.error);
    }
  }

  #moved(to: number, why: 'lost' | 'stalled'): void {
    this.#options.world.reached(`a session moves, ${why}`);
    const leg = this.#legs.get(to);
    if (leg) this.owner?.onMove(leg, why);
  }

  #drop(id: number, reason: string): void {
    const leg = this.#legs.get(id);
    if (!leg) return;
    this.#options.world.reached(`a leg is dropped: ${reason}`);
    this.#legs.delete(id);
    leg.reset();
    this.owner?.onLegGone(leg, new BeaconError('closed', `a leg was given up: ${reason}`, { retry: true }));
  }

  #end(last: readonly Buffer[]): void {
    this.#gone = true;
    this.#alarm.cancel();
    this.#linger?.cancel();
    this.#busy?.cancel();
    this.#finishing += this.#legs.size;
    for (const leg of this.#legs.values()) leg.finish(last, () => this.#finished());
    this.#legs.clear();
    if (this.#finishing === 0) this.owner?.onGone();
  }

  #finished(): void {
    this.#finishing -= 1;
    if (this.#finishing === 0 && this.#gone) this.owner?.onGone();
  }

  /** Only where it is more than ever before, as every write would make a line. */
  #level(): void {
    const { unacknowledgedBytes: value } = this.stats;
    if (value <= this.#mostKept) return;
    this.#mostKept = value;
    const { world, name: at } = this.#options;
    world.record({ what: 'level', of: 'window', at, value, most: MOST_KEPT });
  }
}
