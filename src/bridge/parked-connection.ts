/**
 * One parked connection of a bridge: sends HELLO, answers pings, sends its own, and hands the link over when the
 * relay offers a pairing. The last frame it sends is ACCEPT; every byte after OFFER is opaque.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import { type InfoHash, infoHashBytes } from '../base/info-hash.ts';
import { HELLO_TIMEOUT_MS, PING_INTERVAL_MS, PONG_TIMEOUT_MS } from '../base/limits.ts';
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
  /** A broker is at the other end; the link is the caller's now, its first bytes unread. */
  onPaired(link: Link): void;
  /** The connection ended without a pairing: refused, dead, told to go, or cut. Comes once, and nothing after it. */
  onEnd(error: BeaconError): void;
}

export class ParkedConnection {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #handler: ParkHandler;
  readonly #decoder = relayFrames();
  #state: 'hello' | 'parked' | 'done' = 'hello';
  #timer: Timer | undefined;
  /** Token of the ping that is not answered yet. */
  #unanswered: number | undefined;
  #lastToken = 0;

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
    this.#timer = this.#clock.after(HELLO_TIMEOUT_MS, () => this.#silent());
    stream.resume();
  }

  /** Leaves without a word to the handler. */
  close(): void {
    if (this.#state === 'done') return;
    this.#detach();
    this.#link.stream.on('error', () => {});
    this.#link.stream.destroy();
  }

  #send(frame: ClientFrame): void {
    this.#link.stream.write(encodeClientFrame(frame));
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
    switch (frame.type) {
      case 'parked':
        this.#state = 'parked';
        this.#handler.onParked(frame);
        return this.#armPing();
      case 'ping':
        return this.#send({ type: 'pong', token: frame.token });
      case 'pong':
        if (frame.token !== this.#unanswered) return;
        this.#unanswered = undefined;
        return this.#armPing();
      case 'offer':
        return this.#accept(frame.pairId);
      case 'refused':
        return this.#end(refusalError(frame));
      case 'goaway':
        return this.#end(
          new BeaconError('closed', 'the relay told this bridge to park elsewhere', {
            retry: true,
            retryAfterMs: frame.reconnectAfterMs,
          }),
        );
      case 'draining':
        return;
      case 'waiting':
      case 'paired':
        return this.#end(new BeaconError('malformed', `the relay sent ${frame.type} to a bridge`));
    }
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
    this.#timer = this.#clock.after(PING_INTERVAL_MS, () => {
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
    this.#handler.onEnd(error);
  }

  #detach(): void {
    this.#state = 'done';
    this.#timer?.cancel();
    const { stream } = this.#link;
    stream.off('data', this.#onData);
    stream.off('end', this.#onCut);
    stream.off('close', this.#onCut);
    stream.off('error', this.#onCut);
  }
}
