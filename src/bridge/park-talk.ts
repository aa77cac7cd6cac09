/**
 * What the bridge's end of a parked connection says and hears, from HELLO to ACCEPT, in frames: knows no socket. The last
 * frame it sends is ACCEPT.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import { type InfoHash, infoHashBytes } from '../base/info-hash.ts';
import { PING_INTERVAL_MS, PONG_TIMEOUT_MS, RELAY_SILENCE_MS } from '../base/limits.ts';
import { type ClientFrame, type Parked, PROTOCOL_VERSION, type RelayFrame } from '../wire/frames.ts';
import { refusalError } from '../wire/refusal.ts';

export interface ParkOptions {
  readonly infoHash: InfoHash;
  /** 16 bytes that name this process. */
  readonly instance: Buffer;
  readonly software: string;
  readonly clock: Clock;
}

export interface ParkTalkHandler {
  /** To the relay. */
  send(frame: ClientFrame): void;
  /** The relay took the connection into its lot. */
  onParked(parked: Parked): void;
  /** The time has come that the relay's GOAWAY named: park elsewhere, then close this one. It stays a park until then. */
  onLeave(): void;
  /** `node`, the relay's own or another, is about to leave. */
  onDraining(node: string): void;
  /** ACCEPT is sent: every byte from here on is opaque. */
  onPaired(): void;
  /** The connection ended without a pairing: refused, dead, or cut. Comes once, and nothing after it.
   *  `parkedMs`: how long it was parked; 0: never. */
  onEnd(error: BeaconError, parkedMs: number): void;
}

export class ParkTalk {
  readonly #options: ParkOptions;
  readonly #clock: Clock;
  readonly #handler: ParkTalkHandler;
  #state: 'hello' | 'parked' | 'done' = 'hello';
  #timer: Timer | undefined;
  #leave: Timer | undefined;
  #parkedAt: number | undefined;
  /** Token of the ping that is not answered yet. */
  #unanswered: number | undefined;
  #lastToken = 0;
  #pingMs = PING_INTERVAL_MS;

  constructor(options: ParkOptions, handler: ParkTalkHandler) {
    this.#options = options;
    this.#clock = options.clock;
    this.#handler = handler;
  }

  /** Whether the relay holds it in its lot. */
  get parked(): boolean {
    return this.#state === 'parked';
  }

  /** Paired, ended or stopped: nothing is said or heard any more. */
  get done(): boolean {
    return this.#state === 'done';
  }

  /** Says HELLO. */
  start(): void {
    const { infoHash, instance, software } = this.#options;
    this.#timer = this.#clock.after(RELAY_SILENCE_MS, () => this.silent());
    this.#handler.send({
      type: 'hello',
      version: PROTOCOL_VERSION,
      role: 'park',
      infoHash: infoHashBytes(infoHash),
      instance,
      software,
      wanted: undefined,
      except: [],
      avoid: [],
    });
  }

  /** Without a word to the handler. Idempotent. */
  stop(): void {
    this.#state = 'done';
    this.#timer?.cancel();
    this.#leave?.cancel();
  }

  take(frame: RelayFrame): void {
    if (this.#state === 'done') return;
    if (frame.type === 'refused') return this.end(refusalError(frame));
    if (this.#state === 'hello') {
      if (frame.type !== 'parked') return this.#unexpected(frame);
      return this.#onParked(frame);
    }
    switch (frame.type) {
      case 'ping':
        return this.#handler.send({ type: 'pong', token: frame.token });
      case 'pong':
        if (frame.token !== this.#unanswered) return;
        this.#unanswered = undefined;
        return this.#armPing();
      case 'offer':
        return this.#accept(frame.pairId);
      case 'goaway':
        this.#leave ??= this.#clock.after(frame.reconnectAfterMs, () => this.#handler.onLeave());
        return;
      case 'draining':
        return this.#handler.onDraining(frame.node);
      case 'parked':
      case 'waiting':
      case 'paired':
        return this.#unexpected(frame);
    }
  }

  /** The relay does not answer, or does not read. */
  silent(): void {
    this.end(new BeaconError('timeout', 'the relay does not answer on a parked connection', { retry: true }));
  }

  /** The connection is of no use any more, for this reason. */
  end(error: BeaconError): void {
    if (this.#state === 'done') return;
    this.stop();
    this.#handler.onEnd(error, this.#parkedAt === undefined ? 0 : this.#clock.now() - this.#parkedAt);
  }

  #onParked(frame: Parked): void {
    this.#state = 'parked';
    this.#parkedAt = this.#clock.now();
    this.#pingMs = Math.max(PONG_TIMEOUT_MS, Math.min(frame.pingIntervalMs, PING_INTERVAL_MS));
    this.#armPing();
    this.#handler.onParked(frame);
  }

  #accept(pairId: Buffer): void {
    this.#handler.send({ type: 'accept', pairId });
    if (this.done) return;
    this.stop();
    this.#handler.onPaired();
  }

  #unexpected({ type }: RelayFrame): void {
    this.end(new BeaconError('malformed', `the relay sent ${type} out of turn to a bridge`));
  }

  #armPing(): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(this.#pingMs, () => {
      this.#lastToken += 1;
      this.#unanswered = this.#lastToken;
      this.#timer = this.#clock.after(PONG_TIMEOUT_MS, () => this.silent());
      this.#handler.send({ type: 'ping', token: this.#lastToken });
    });
  }
}
