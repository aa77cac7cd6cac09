/**
 * A session as a Duplex: what the inner TLS reads and writes, carried by legs that come and go. The driver of
 * {@link Session}: it owns the legs' sockets and the timer.
 *
 * A session that is cut off for too long destroys the stream with an error, so that nothing above takes a cut for an end.
 */
import { Duplex } from 'node:stream';
import { Alarm } from '../base/alarm.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import { LEG_LINGER_MS, SESSION_LEG_BUFFER_BYTES, STREAM_BUFFER_BYTES } from '../base/limits.ts';
import { encodeTunnelFrame, type TunnelFrame } from './frames.ts';
import type { Leg, LegHandler } from './leg.ts';
import type { Standing } from './session/attach.ts';
import { Session } from './session/session.ts';
import type { LegId, SessionEffect, SessionInput, SessionRole, SessionStats } from './session/types.ts';

type Callback = (error?: Error | null) => void;

/** What the owner of a session is told of its legs; none may throw. */
export interface SessionWatcher {
  /** A leg that was attached is gone. */
  onLegGone(leg: Leg, error: BeaconError | undefined): void;
  /** Nothing is acknowledged on it; a replacement is worth a dial. */
  onSuspect(leg: Leg): void;
  /** What is sent goes out on this leg from now on. */
  onMove(to: Leg, why: 'lost' | 'stalled'): void;
  /** After a move: what had waited for so long is acknowledged. Default: nobody counts. */
  onResumed?(waitedMs: number): void;
  /** The other end wants the session to get off a node. */
  onLeave(node: string): void;
}

export interface SessionStreamOptions {
  readonly role: SessionRole;
  /** 16 random bytes, of the broker. */
  readonly id: Buffer;
  readonly clock: Clock;
  readonly watcher: SessionWatcher;
}

export class SessionStream extends Duplex implements LegHandler {
  /** 16 bytes. */
  readonly id: Buffer;
  readonly #clock: Clock;
  readonly #watcher: SessionWatcher;
  readonly #session: Session;
  readonly #alarm: Alarm;
  readonly #legs = new Map<LegId, Leg>();
  #key: Buffer | undefined;
  /** A write that waits for room. */
  #writing: Callback | undefined;
  #delivered = 0;
  /** Of a stream that is destroyed, while the other end may not know yet that all is said. */
  #linger: Timer | undefined;
  /** Legs that say their last words. */
  readonly #finishing = new Set<Promise<void>>();
  readonly #gone = Promise.withResolvers<void>();
  /**
   * Resolves when no leg and no timer of it is left: with 'close' or up to LEG_LINGER_MS after it, while the other end is told.
   */
  readonly gone: Promise<void> = this.#gone.promise;

  constructor({ role, id, clock, watcher }: SessionStreamOptions) {
    super({ allowHalfOpen: true, highWaterMark: STREAM_BUFFER_BYTES });
    // Whoever reads and writes listens too; an error that comes before must not end the process.
    this.on('error', () => {});
    this.id = id;
    this.#clock = clock;
    this.#watcher = watcher;
    this.#session = new Session(role, clock.now());
    this.#alarm = new Alarm(clock, () => this.#input({ on: 'tick' }));
    this.#settle();
  }

  /** Both inner handshakes are over: legs may attach with `key`, which was exported from the inner TLS. */
  establish(key: Buffer): void {
    this.#key = key;
    this.#input({ on: 'established' });
  }

  /** What legs prove themselves with; undefined: none can attach yet, or any more. */
  get key(): Buffer | undefined {
    return this.#alive ? this.#key : undefined;
  }

  get standing(): Standing {
    return { received: this.#session.received, acked: this.#session.acked };
  }

  get legs(): readonly Leg[] {
    return [...this.#legs.values()];
  }

  get stats(): SessionStats {
    return this.#session.stats(this.#clock.now());
  }

  /** `leg` carries the session from now on: the first one after NEW, any other after its proof. It is ours then. */
  attach(leg: Leg, offset: number, floor: number): void {
    if (!this.#alive) return leg.reset();
    leg.handler = this;
    this.#legs.set(leg.id, leg);
    this.#input({ on: 'attach', leg: leg.id, offset, floor });
  }

  /** Tells the broker to get off a node, on any leg. Of a bridge only. */
  leave(node: string): void {
    for (const leg of this.#legs.keys()) this.#input({ on: 'leave', leg, node });
  }

  /** A leg is to go, since another has taken its place: what it carried and nobody has acknowledged is sent again. */
  release(leg: Leg): void {
    if (this.#legs.get(leg.id) !== leg) return;
    this.onLost(leg, false, undefined);
  }

  // ---- the stream

  override _read(): void {
    this.#consumed();
    this.#settle();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Callback): void {
    this.#take([chunk], done);
  }

  override _writev(writes: readonly { readonly chunk: Buffer }[], done: Callback): void {
    this.#take(
      writes.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: Callback): void {
    this.#input({ on: 'end' });
    done();
  }

  override _destroy(error: Error | null, done: Callback): void {
    if (error || !this.writableFinished) this.#input({ on: 'abort', error: asClosed(error) });
    if (this.#alive) {
      // All of ours is said, and may not have arrived yet; the other end's end may be on its way.
      this.#linger = this.#clock.after(LEG_LINGER_MS, () =>
        this.#input({ on: 'abort', error: asClosed(null) }),
      );
      this.#consumed(0);
      this.#settle();
    }
    // At once: what is above must not wait for legs that may be dead.
    done(error);
  }

  // ---- legs

  onData(leg: Leg, offset: number, bytes: Buffer): void {
    this.#step({ on: 'data', leg: leg.id, offset, bytes });
  }

  onFrame(leg: Leg, frame: TunnelFrame): void {
    this.#step({ on: 'frame', leg: leg.id, frame });
  }

  onRead(): void {
    this.#consumed();
    this.#settle();
  }

  onRoom(): void {
    this.#settle();
  }

  onLost(leg: Leg, clean: boolean, error: BeaconError | undefined): void {
    this.#legs.delete(leg.id);
    // An end that we do not end as well: its bytes are sent again elsewhere.
    if (clean && this.#session.state === 'done') this.#finish(leg);
    else leg.reset();
    this.#input({ on: 'lost', leg: leg.id, clean });
    this.#watcher.onLegGone(leg, error);
  }

  // ---- the session

  get #alive(): boolean {
    const { state } = this.#session;
    return state === 'open' || state === 'done';
  }

  #take(chunks: readonly Buffer[], done: Callback): void {
    // The session keeps them until they are acknowledged; TLS makes new ones each time.
    for (const bytes of chunks) this.#step({ on: 'write', bytes });
    if (this.#session.room) done();
    else this.#writing = done;
    this.#settle();
  }

  /** What the reader has taken by now. One that is gone takes everything. */
  #consumed(unread = this.destroyed ? 0 : this.readableLength): void {
    this.#step({ on: 'consumed', total: this.#delivered - unread });
  }

  #input(input: SessionInput): void {
    this.#step(input);
    this.#settle();
  }

  #step(input: SessionInput): void {
    for (const effect of this.#session.step(input, this.#clock.now())) this.#carryOut(effect);
  }

  /** After all else: gives the legs what they have room for, and sets the timer. */
  #settle(): void {
    for (const leg of this.#legs.values()) this.#pump(leg);
    this.#alarm.set(this.#session.deadline());
  }

  #pump(leg: Leg): void {
    while (leg.hasRoom) {
      const pieces = this.#session.next(leg.id, SESSION_LEG_BUFFER_BYTES, this.#clock.now());
      // Only now: the last acknowledgement comes before the end of the leg, or the other end is never done.
      if (pieces.length === 0) return this.#session.state === 'done' ? leg.end() : undefined;
      leg.write(pieces);
    }
  }

  #carryOut(effect: SessionEffect): void {
    switch (effect.do) {
      case 'deliver':
        this.#delivered += effect.bytes.length;
        if (!this.destroyed) this.push(effect.bytes);
        return;
      case 'ended':
        if (!this.destroyed) this.push(null);
        return;
      case 'room':
        return this.#goOn();
      case 'drop':
        return this.#drop(effect.leg, effect.reason);
      case 'suspect':
        return this.#tell(effect.leg, (leg) => this.#watcher.onSuspect(leg));
      case 'move':
        return this.#tell(effect.to, (leg) => this.#watcher.onMove(leg, effect.why));
      case 'resumed':
        return this.#watcher.onResumed?.(effect.waitedMs);
      case 'leave':
        return this.#watcher.onLeave(effect.node);
      case 'dangling':
      case 'done':
        return;
      case 'over':
        return this.#end();
      case 'fail':
        this.#end([encodeTunnelFrame({ type: 'abort' })]);
        if (!this.destroyed) this.destroy(effect.error);
        return;
    }
  }

  #goOn(): void {
    const done = this.#writing;
    this.#writing = undefined;
    done?.();
  }

  #tell(id: LegId, what: (leg: Leg) => void): void {
    const leg = this.#legs.get(id);
    if (leg) what(leg);
  }

  #drop(id: LegId, reason: string): void {
    const leg = this.#legs.get(id);
    if (!leg) return;
    this.#legs.delete(id);
    leg.reset();
    this.#watcher.onLegGone(leg, new BeaconError('closed', `a leg was given up: ${reason}`, { retry: true }));
  }

  #finish(leg: Leg, last: readonly Buffer[] = []): void {
    const finished = leg.finish(last).then(() => void this.#finishing.delete(finished));
    this.#finishing.add(finished);
  }

  /** Nothing is left to be said, but to the other end that it is so; or nobody to say it to. */
  #end(last: readonly Buffer[] = []): void {
    this.#alarm.cancel();
    this.#linger?.cancel();
    for (const leg of this.#legs.values()) this.#finish(leg, last);
    this.#legs.clear();
    this.#goOn();
    void Promise.all(this.#finishing).then(() => this.#gone.resolve());
  }
}

function asClosed(error: Error | null): BeaconError {
  return error instanceof BeaconError
    ? error
    : new BeaconError('closed', 'the tunnel was cut here', { cause: error });
}
