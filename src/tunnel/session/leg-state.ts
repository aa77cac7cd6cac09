/** What a session knows of one attached leg: its life, its probes, and the control frames that wait for room on it. Pure. */
import { encodeTunnelFrame } from '../frames.ts';
import type { Inbox } from './inbox.ts';
import { Rtt } from './rtt.ts';
import type { LegId } from './types.ts';

export interface LegLimits {
  readonly probeMs: number;
  readonly echoMs: number;
  readonly silenceMs: number;
  readonly lingerMs: number;
}

export class LegState {
  readonly id: LegId;
  readonly rtt = new Rtt();
  readonly #limits: LegLimits;
  #heardAt: number;
  #suspected = false;
  #probeAt: number;
  /** The latest PROBE: its number, and when it was handed out; undefined: it still waits. */
  #token = 0n;
  #sentAt: number | undefined;
  #echoBy: number | undefined;
  /** When a leg of a session that is done is given up. */
  #lingerUntil: number | undefined;
  /** The highest that the other end acknowledged on this very leg. */
  #acked = 0;

  // What waits for room: one of each kind, as the latest says all.
  #ackDue = false;
  #probeDue = false;
  #echoDue: bigint | undefined;
  /** Nodes that the other end is to be told to get off. */
  readonly #leavesDue = new Set<string>();

  constructor(id: LegId, limits: LegLimits, now: number) {
    this.id = id;
    this.#limits = limits;
    this.#heardAt = now;
    this.#probeAt = now;
  }

  get heardAt(): number {
    return this.#heardAt;
  }

  get suspected(): boolean {
    return this.#suspected;
  }

  /** Anything came: it lives. */
  heard(now: number): void {
    this.#heardAt = now;
    this.#suspected = false;
    this.#echoBy = undefined;
  }

  /** What was sent on it is not acknowledged; the other end is asked what it has. */
  suspect(): void {
    this.#suspected = true;
  }

  /** Sends a PROBE out of turn: the answer brings an ACK along. Nobody is declared dead for it. */
  ask(): void {
    this.#token += 1n;
    this.#sentAt = undefined;
    this.#probeDue = true;
  }

  /** Whether what an ACK on this leg says can follow what the one before it said. */
  acks(offset: number): boolean {
    const follows = offset >= this.#acked;
    this.#acked = Math.max(this.#acked, offset);
    return follows;
  }

  oweAck(): void {
    this.#ackDue = true;
  }

  /** A PROBE came. The ACK repeats what may have been lost with another leg. */
  oweEcho(token: bigint): void {
    this.#echoDue = token;
    this.#ackDue = true;
  }

  oweLeave(node: string): void {
    this.#leavesDue.add(node);
  }

  echoed(token: bigint, now: number): void {
    if (token !== this.#token || this.#sentAt === undefined) return;
    this.rtt.sample(now - this.#sentAt);
    this.#sentAt = undefined;
  }

  /** Nobody answers yet: no PROBE, until {@link probe}. */
  holdProbes(): void {
    this.#probeAt = Number.POSITIVE_INFINITY;
  }

  /** A PROBE is due now, and from now on by the interval. */
  probe(now: number): void {
    this.#probeAt = now;
    this.tick(now);
  }

  /** The session is done: the leg is only waited for. */
  linger(now: number): void {
    this.#lingerUntil ??= now + this.#limits.lingerMs;
  }

  /** Sends the PROBE that is due; says why the leg is given up, if it is. */
  tick(now: number): 'silent' | 'lingering' | undefined {
    if (this.#lingerUntil !== undefined) return now >= this.#lingerUntil ? 'lingering' : undefined;
    if (now >= this.#heardAt + this.#limits.silenceMs) return 'silent';
    if (this.#echoBy !== undefined && now >= this.#echoBy && !this.#suspected) return 'silent';
    if (now < this.#probeAt) return undefined;
    this.#probeAt = now + this.#limits.probeMs;
    this.#echoBy ??= now + this.#limits.echoMs;
    this.ask();
    return undefined;
  }

  get deadline(): number {
    if (this.#lingerUntil !== undefined) return this.#lingerUntil;
    const echoBy = this.#suspected ? undefined : this.#echoBy;
    return Math.min(
      this.#probeAt,
      this.#heardAt + this.#limits.silenceMs,
      echoBy ?? Number.POSITIVE_INFINITY,
    );
  }

  /** Puts the control frames that wait into `out`. */
  control(out: Buffer[], inbox: Inbox, now: number): void {
    if (this.#ackDue) {
      out.push(encodeTunnelFrame({ type: 'ack', offset: inbox.received, limit: inbox.limit }));
      this.#ackDue = false;
      // What was received and read since it fell due is said as well, and need not be said again.
      inbox.told();
    }
    if (this.#echoDue !== undefined) {
      out.push(encodeTunnelFrame({ type: 'echo', token: this.#echoDue }));
      this.#echoDue = undefined;
    }
    if (this.#probeDue) {
      out.push(encodeTunnelFrame({ type: 'probe', token: this.#token }));
      this.#probeDue = false;
      this.#sentAt = now;
    }
    for (const node of this.#leavesDue) out.push(encodeTunnelFrame({ type: 'leave', node }));
    this.#leavesDue.clear();
  }
}
