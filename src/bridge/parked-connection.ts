/**
 * One parked connection of a bridge: sends HELLO, answers pings, sends its own, and hands the link over when the
 * relay offers a pairing. The last frame it sends is ACCEPT; every byte after OFFER is opaque.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import { type InfoHash, infoHashBytes } from '../base/info-hash.ts';
import { CONTROL_BUFFER_BYTES, PING_INTERVAL_MS, PONG_TIMEOUT_MS, RELAY_SILENCE_MS } from '../base/limits.ts';
import type { Link } from '../net/link.ts';
import { relayFrames } from '../wire/decode.ts';
import { encodeClientFrame } from '../wire/encode.ts';
import { type ClientFrame, type Parked, PROTOCOL_VERSION, type RelayFrame } from '../wire/frames.ts';
import { refusalError } from '../wire/refusal.ts';

export interface ParkOptions {
  readonly infoHash: InfoHash;
  /** 16 bytes that name this process. */
  readonly instance: Buffer;
  readonly software: string;
  readonly clock: Clock;
}

export interface ParkHandler {
  /** The relay took the connection into its lot. */
  onParked(parked: Parked): void;
  /** The time has come that the relay's GOAWAY named: park elsewhere, then close this one. It stays a park until then. */
  onLeave(): void;
  /** `node`, the relay's own or another, is about to leave. */
  onDraining(node: string): void;
  /** A broker is at the other end; the link is the caller's now, its first bytes unread. */
  onPaired(link: Link): void;
  /** The connection ended without a pairing: refused, dead, or cut. Comes once, and nothing after it.
   *  `parkedMs`: how long it was parked; 0: never. */
  onEnd(error: BeaconError, parkedMs: number): void;
}

export class ParkedConnection {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #handler: ParkHandler;
  readonly #decoder = relayFrames();
  #state: 'hello' | 'parked' | 'done' = 'hello';
  #timer: Timer | undefined;
  #leave: Timer | undefined;
  #parkedAt: number | undefined;
  /** Token of the ping that is not answered yet. */
  #unanswered: number | undefined;
  #lastToken = 0;
  #pingMs = PING_INTERVAL_MS;

  constructor(link: Link, options: ParkOptions, handler: ParkHandler) {
    this.#link = link;
    this.#clock = options.clock;
    this.#handler = handler;
    const { stream } = link;
    stream.on('data', this.#onData);
    stream.on('end', this.#onCut);
    stream.on('close', this.#onCut);
    stream.on('error', this.#onCut);
    this.#send({
      type: 'hello',
      version: PROTOCOL_VERSION,
      role: 'park',
      infoHash: infoHashBytes(options.infoHash),
      instance: options.instance,
      software: options.software,
      wanted: undefined,
      except: [],
      avoid: [],
    });
    this.#timer = this.#clock.after(RELAY_SILENCE_MS, () => this.#silent());
    stream.resume();
  }

  /** Whether the relay holds it in its lot. */
  get parked(): boolean {
    return this.#state === 'parked';
  }

  /** Leaves without a word to the handler. */
  close(): void {
    if (this.#state === 'done') return;
    this.#detach();
    this.#link.stream.on('error', () => {});
    this.#link.stream.destroy();
  }

  #send(frame: ClientFrame): void {
    const { stream } = this.#link;
    // A relay that asks and does not read must not make us keep the answers.
    if (stream.writableLength > CONTROL_BUFFER_BYTES) return this.#silent();
    stream.write(encodeClientFrame(frame));
  }

  readonly #onData = (chunk: Buffer): void => {
    try {
      this.#decoder.push(chunk);
      while (this.#state !== 'done') {
        const frame = this.#decoder.next();
        if (!frame) return;
        this.#onFrame(frame);
      }
    } catch (error) {
      if (!(error instanceof BeaconError)) throw error;
      this.#end(error);
    }
  };

  #onFrame(frame: RelayFrame): void {
    if (frame.type === 'refused') return this.#end(refusalError(frame));
    if (this.#state === 'hello') {
      if (frame.type !== 'parked') return this.#unexpected(frame);
      this.#state = 'parked';
      this.#parkedAt = this.#clock.now();
      this.#pingMs = Math.max(PONG_TIMEOUT_MS, Math.min(frame.pingIntervalMs, PING_INTERVAL_MS));
      this.#armPing();
      return this.#handler.onParked(frame);
    }
    switch (frame.type) {
      case 'ping':
        return this.#send({ type: 'pong', token: frame.token });
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

  #unexpected({ type }: RelayFrame): void {
    this.#end(new BeaconError('malformed', `the relay sent ${type} out of turn to a bridge`));
  }

  #accept(pairId: Buffer): void {
    const { stream } = this.#link;
    stream.pause();
    this.#send({ type: 'accept', pairId });
    this.#detach();
    const rest = this.#decoder.takeRest();
    if (rest.length > 0) stream.unshift(rest);
    this.#handler.onPaired(this.#link);
  }

  #armPing(): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(this.#pingMs, () => {
      this.#lastToken += 1;
      this.#unanswered = this.#lastToken;
      this.#send({ type: 'ping', token: this.#lastToken });
      this.#timer = this.#clock.after(PONG_TIMEOUT_MS, () => this.#silent());
    });
  }

  #silent(): void {
    this.#end(
      new BeaconError('timeout', 'the relay does not answer on a parked connection', { retry: true }),
    );
  }

  readonly #onCut = (cause?: unknown): void => {
    this.#end(new BeaconError('closed', 'the relay closed a parked connection', { cause, retry: true }));
  };

  #end(error: BeaconError): void {
    if (this.#state === 'done') return;
    this.close();
    this.#handler.onEnd(error, this.#parkedAt === undefined ? 0 : this.#clock.now() - this.#parkedAt);
  }

  #detach(): void {
    this.#state = 'done';
    this.#timer?.cancel();
    this.#leave?.cancel();
    const { stream } = this.#link;
    stream.off('data', this.#onData);
    stream.off('end', this.#onCut);
    stream.off('close', this.#onCut);
    stream.off('error', this.#onCut);
  }
}
