/**
 * One end of a session: a reliable byte stream each way between a broker and a bridge, over legs that come and go.
 * Pure: no socket, timer or clock. The rules are those of src/wire/TUNNEL.md; both ends run this code.
 *
 * The driver owns the sockets and calls, after a leg's frames are decoded or anything else has happened,
 *
 *     for (const effect of session.step(input, now)) carryOut(effect);
 *     for (const leg of legs) {                        // pump, after every step
 *       while (leg.hasRoom) {                          // its last write() said true, or 'drain' came
 *         const pieces = session.next(leg.id, 64 * 1024, now);
 *         if (pieces.length === 0) break;
 *         leg.writeAll(pieces);                        // cork, write each, uncork: one write for the outer TLS
 *       }
 *       if (session.state === 'done') leg.end();
 *     }
 *     alarm.set(session.deadline());                   // src/base/alarm.ts; then step({ on: 'tick' }, now)
 *
 * - A leg attaches by `attach` once its opening frames are through (attach.ts): what was decoded before is not for the
 *   session, what comes after is. From then on **it is never paused**: acknowledgements come behind the other end's
 *   bytes. A reader that does not keep up holds a window at the most, as `consumed` is what lets the other end send.
 * - `write` may be called at any time before `end`. When {@link room} is false after it, the driver waits for `room`
 *   before it takes more (the callback of _write), so that the session holds a window and one chunk at the most.
 * - Effects are carried out in order. `drop`, `over` and `fail` name legs that the session knows no more; input for those
 *   is ignored. After `fail` and `over` all input is, and there is no deadline.
 * - A leg that was cut in the middle of a frame is simply `lost`. Whoever ends a leg without being done was cut off.
 * - The broker's driver dials while the state is not `over` or `failed`: also when it is `done` and no leg is left, as the
 *   bridge may not know that and cannot dial. `suspect` is a reason to dial a replacement: a suspected leg is kept for a
 *   long time, because it may only be slow. `drop` and `dangling` are reasons as well.
 * - A decoder stops (TunnelFrameDecoder.stop) with its leg, so that the rest of a chunk is not read.
 */
import assert from 'node:assert';
import { BeaconError } from '../../base/errors.ts';
import type { TunnelFrame } from '../frames.ts';
import { SESSION_LIMITS } from './defaults.ts';
import { Inbox, type Taken } from './inbox.ts';
import type { LegState } from './leg-state.ts';
import { Legs } from './legs.ts';
import { Progress } from './progress.ts';
import { Sender } from './sender.ts';
import type {
  DropReason,
  LegId,
  SessionEffect,
  SessionInput,
  SessionLimits,
  SessionRole,
  SessionState,
  SessionStats,
} from './types.ts';

export class Session {
  readonly #role: SessionRole;
  readonly #limits: SessionLimits;
  readonly #inbox: Inbox;
  readonly #sender: Sender;
  readonly #legs: Legs;
  readonly #progress = new Progress();
  #state: SessionState = 'open';
  /** Until when the first inner handshake may take; undefined: it is over. */
  #handshakeUntil: number | undefined;
  /** No leg since then; undefined: there is one, or there was none yet. */
  #danglingSince: number | undefined;
  /** Until when it is told that we are done; then the other end has had all the time it may take to come back. */
  #doneUntil: number | undefined;
  /** A leg was ended by the other end after ours: it is done as well. */
  #peerDone = false;
  #full = false;
  #failovers = 0;
  #effects: SessionEffect[] = [];

  /** @param limits others than those of the product, for tests. */
  constructor(role: SessionRole, now: number, limits: Partial<SessionLimits> = {}) {
    this.#role = role;
    this.#limits = { ...SESSION_LIMITS, ...limits };
    this.#inbox = new Inbox(this.#limits);
    this.#sender = new Sender(this.#limits.windowBytes, this.#limits.chunks);
    this.#legs = new Legs(this.#limits);
    this.#handshakeUntil = now + this.#limits.handshakeMs;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Whether more may be written; see `room`. */
  get room(): boolean {
    return this.#sender.room;
  }

  /** What the other end is told in PROVE: all below it is here. */
  get received(): number {
    return this.#inbox.received;
  }

  /** All below it was acknowledged: the `floor` of an attachment that begins now. */
  get acked(): number {
    return this.#sender.acked;
  }

  /** Whether legs may attach: the first inner handshake is over. */
  get established(): boolean {
    return this.#handshakeUntil === undefined;
  }

  /** What is to be done about it, in order. Never throws for anything that the other end can say. */
  step(input: SessionInput, now: number): readonly SessionEffect[] {
    if (this.#state === 'over' || this.#state === 'failed') return [];
    this.#effects = [];
    this.#apply(input, now);
    this.#settle(now);
    return this.#effects;
  }

  /**
   * What to write on `leg` now: whole frames, control frames first, until they hold `budget` bytes (one frame more at the
   * most). Empty: nothing. Views of what was written, which stay unchanged.
   */
  next(leg: LegId, budget: number, now: number): readonly Buffer[] {
    const state = this.#legs.get(leg);
    if (!state || budget <= 0) return [];
    const out: Buffer[] = [];
    state.control(out, this.#inbox, now);
    if (state === this.#legs.active) this.#sender.fill(out, budget, leg, now);
    return out;
  }

  /** When to call step({ on: 'tick' }); undefined: never. */
  deadline(): number | undefined {
    if (this.#state === 'over' || this.#state === 'failed') return undefined;
    const times = this.#legs.all().map(({ deadline }) => deadline);
    const push = (at: number | undefined): void => void (at !== undefined && times.push(at));
    push(this.#handshakeUntil);
    push(this.#state === 'done' ? this.#doneUntil : this.#danglingUntil);
    if (this.#legs.active) {
      push(this.#inbox.ackAt);
      push(this.#progress.suspectAt(this.#legs.active.rtt.smoothed));
    }
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  stats(now: number): SessionStats {
    return {
      failovers: this.#failovers,
      replayedBytes: this.#sender.replayedBytes,
      longestStallMs: this.#progress.longest(now),
      unacknowledgedBytes: this.#sender.unacknowledged,
      unreadBytes: this.#inbox.unread,
      legs: this.#legs.all().map((leg) => ({
        leg: leg.id,
        active: leg === this.#legs.active,
        suspected: leg.suspected,
        srttMs: leg.rtt.smoothed,
      })),
    };
  }

  #apply(input: SessionInput, now: number): void {
    switch (input.on) {
      case 'attach':
        return this.#attach(input.leg, input.offset, input.floor, now);
      case 'lost':
        return this.#lost(input.leg, input.clean, now);
      case 'data':
        return this.#onLeg(input.leg, now, (leg) => {
          this.#take(leg, this.#inbox.data(input.offset, input.bytes, now), now);
        });
      case 'frame':
        return this.#onLeg(input.leg, now, (leg) => this.#frame(leg, input.frame, now));
      case 'write':
        assert(!this.#sender.ended, 'write after end');
        this.#sender.write(input.bytes);
        this.#full ||= !this.#sender.room;
        return;
      case 'end':
        return this.#sender.end();
      case 'consumed':
        assert(input.total <= this.#inbox.received, 'more read than delivered');
        return this.#inbox.consumed(input.total, now);
      case 'established':
        this.#handshakeUntil = undefined;
        for (const leg of this.#legs.all()) leg.probe(now);
        return;
      case 'leave':
        assert(this.#role === 'bridge', 'LEAVE is for bridges to send');
        return this.#legs.get(input.leg)?.oweLeave(input.node);
      case 'abort':
        return this.#fail(input.error);
      case 'tick':
        return this.#tick(now);
    }
  }

  #onLeg(id: LegId, now: number, act: (leg: LegState) => void): void {
    const leg = this.#legs.get(id);
    if (!leg) return;
    leg.heard(now);
    act(leg);
  }

  // ---- legs

  #attach(id: LegId, offset: number, floor: number, now: number): void {
    assert(!this.#legs.get(id), `leg ${id} is attached already`);
    const first = this.#danglingSince === undefined && this.#legs.size === 0;
    if (!first && !this.established) return this.#effect({ do: 'drop', leg: id, reason: 'early' });
    const wrong = this.#sender.misproved(offset, floor);
    if (wrong !== undefined) return this.#wrong(wrong);
    const crowded = this.#legs.size >= this.#limits.legs ? this.#legs.mostSilent() : undefined;
    const leg = this.#legs.add(id, now);
    leg.acks(offset);
    leg.oweAck();
    // Whoever is in its handshake has its own, longer time: a bridge may have many to do.
    if (this.established) leg.tick(now);
    else leg.holdProbes();
    if (this.#state === 'done') leg.linger(now);
    this.#danglingSince = undefined;
    this.#acknowledged(offset, 0, now);
    if (crowded) this.#drop(crowded.id, 'crowded', now);
    if (!this.#legs.active) this.#activate(leg, first ? undefined : 'lost', now);
    else if (this.#legs.active.suspected) this.#activate(leg, 'stalled', now);
  }

  #lost(id: LegId, clean: boolean, now: number): void {
    if (!this.#legs.remove(id)) return;
    this.#peerDone ||= clean && this.#state === 'done';
    if (!this.established && this.#state === 'open')
      return this.#fail(cut('the leg was cut before the inner handshake was over'));
    if (this.#legs.size === 0) {
      this.#danglingSince = now;
      if (!this.#peerDone) this.#effect({ do: 'dangling' });
      return;
    }
    const next = this.#legs.active ? undefined : this.#legs.any();
    if (next) this.#activate(next, 'lost', now);
  }

  #drop(id: LegId, reason: DropReason, now: number): void {
    this.#effect({ do: 'drop', leg: id, reason });
    this.#lost(id, false, now);
  }

  #activate(leg: LegState, why: 'lost' | 'stalled' | undefined, now: number): void {
    this.#legs.activate(leg);
    this.#sender.rewind();
    if (why === undefined || this.#state !== 'open') return;
    this.#failovers += 1;
    this.#progress.moved(now);
    this.#effect({ do: 'move', to: leg.id, why });
  }

  // ---- what comes

  #frame(leg: LegState, frame: TunnelFrame, now: number): void {
    switch (frame.type) {
      case 'close':
        return this.#take(leg, this.#inbox.close(frame.offset, now), now);
      case 'ack':
        if (!leg.acks(frame.offset))
          return this.#wrong(`an acknowledgement of ${frame.offset} after a higher one`);
        return this.#acknowledged(frame.offset, frame.limit, now);
      case 'probe':
        return leg.oweEcho(frame.token);
      case 'echo':
        return leg.echoed(frame.token, now);
      case 'abort':
        return this.#fail(cut('the other end gave the tunnel up'));
      case 'leave':
        if (this.#role === 'bridge') return this.#drop(leg.id, 'illegal', now);
        return this.#effect({ do: 'leave', node: frame.node });
      case 'new':
      case 'attach':
      case 'challenge':
      case 'prove':
        return this.#drop(leg.id, 'illegal', now);
    }
  }

  #take(leg: LegState, taken: Taken, now: number): void {
    switch (taken.kind) {
      case 'gap':
        return this.#drop(leg.id, 'gap', now);
      case 'wrong':
        return this.#wrong(taken.text);
      case 'old':
        return this.#legs.brought(leg);
      case 'new':
        this.#legs.brought(leg);
        return this.#effect(this.#inbox.ended ? { do: 'ended' } : { do: 'deliver', bytes: taken.bytes });
    }
  }

  #acknowledged(offset: number, limit: number, now: number): void {
    const result = this.#sender.ack(offset, limit, now);
    switch (result.kind) {
      case 'wrong':
        return this.#wrong(result.text);
      case 'none':
        return;
      case 'progress': {
        if (result.rtt) this.#legs.get(result.rtt.leg)?.rtt.sample(result.rtt.ms);
        const waitedMs = this.#progress.made(now);
        if (waitedMs !== undefined) this.#effect({ do: 'resumed', waitedMs });
        return;
      }
    }
  }

  // ---- time

  #tick(now: number): void {
    if (this.#handshakeUntil !== undefined && now >= this.#handshakeUntil) {
      return this.#fail(
        new BeaconError('timeout', 'the inner handshake did not end in time', { retry: true }),
      );
    }
    if (this.#doneUntil !== undefined && now >= this.#doneUntil) return this.#end();
    if (this.#state === 'open' && this.#danglingUntil !== undefined && now >= this.#danglingUntil) {
      return this.#fail(cut('no leg could be attached in time; its streams are aborted'));
    }
    for (const leg of this.#legs.all()) {
      const reason = leg.tick(now);
      if (reason) this.#drop(leg.id, reason, now);
      if (this.#state === 'failed') return;
    }
    this.#suspect(now);
  }

  /** Bytes go in and nothing comes back: another leg is better, and every leg is asked what the other end has. */
  #suspect(now: number): void {
    const { active } = this.#legs;
    const at = active && this.#progress.suspectAt(active.rtt.smoothed);
    if (!active || at === undefined || now < at) return;
    if (!active.suspected) this.#effect({ do: 'suspect', leg: active.id });
    active.suspect();
    for (const leg of this.#legs.all()) leg.ask();
    const other = this.#legs.best();
    if (other) this.#activate(other, 'stalled', now);
    else this.#progress.again(now);
  }

  get #danglingUntil(): number | undefined {
    return this.#danglingSince === undefined ? undefined : this.#danglingSince + this.#limits.danglingMs;
  }

  /** What follows from the new state, whatever led to it. */
  #settle(now: number): void {
    if (this.#state === 'over' || this.#state === 'failed') return;
    const { ackAt } = this.#inbox;
    if (ackAt !== undefined && now >= ackAt) this.#legs.acknowledge(this.#inbox);
    this.#progress.waits(this.#sender.waiting, now);
    if (this.#full && this.#sender.room) {
      this.#full = false;
      this.#effect({ do: 'room' });
    }
    if (this.#state === 'open' && this.#inbox.ended && this.#sender.finished) this.#done(now);
    if (this.#state === 'done' && this.#peerDone && this.#legs.size === 0) this.#end();
  }

  // ---- ends

  /** The other end may not know yet that we have its CLOSE: it is told on every leg, so that any of them will do. */
  #done(now: number): void {
    this.#state = 'done';
    this.#doneUntil = now + this.#limits.danglingMs + this.#limits.silenceMs;
    for (const leg of this.#legs.all()) {
      leg.oweAck();
      leg.linger(now);
    }
    this.#effect({ do: 'done' });
  }

  #end(): void {
    this.#state = 'over';
    this.#legs.clear();
    this.#effect({ do: 'over' });
  }

  #wrong(text: string): void {
    this.#fail(new BeaconError('malformed', `the other end of the tunnel sent ${text}`));
  }

  #fail(error: BeaconError): void {
    if (this.#state === 'failed') return;
    this.#state = 'failed';
    this.#legs.clear();
    this.#sender.clear();
    this.#effect({ do: 'fail', error });
  }

  #effect(effect: SessionEffect): void {
    this.#effects.push(effect);
  }
}

function cut(text: string): BeaconError {
  return new BeaconError('closed', text, { retry: true });
}
