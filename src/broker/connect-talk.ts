/** The broker's half of beacon/1, from HELLO to PAIRED or REFUSED, in frames: knows no socket. */
import type { Clock, Timer } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import { type InfoHash, infoHashBytes } from '../base/info-hash.ts';
import { RELAY_SILENCE_MS } from '../base/limits.ts';
import { type ClientFrame, type Paired, PROTOCOL_VERSION, type RelayFrame } from '../wire/frames.ts';
import { refusalError } from '../wire/refusal.ts';

export interface ConnectTalkOptions {
  readonly infoHash: InfoHash;
  /** 16 bytes that name this process. */
  readonly instance: Buffer;
  readonly software: string;
  /** The one bridge instance to reach (16 bytes). Default: any. */
  readonly wanted?: Buffer;
  /** Bridge instances not to reach, at most EXCEPT_INSTANCES. Default: none. */
  readonly except?: readonly Buffer[];
  /** Nodes not to cross, at most AVOID_NODES. Default: none. */
  readonly avoid?: readonly string[];
  readonly clock: Clock;
}

export interface ConnectTalkHandler {
  /** To the relay. */
  send(frame: ClientFrame): void;
  /** Every byte from here on is opaque. */
  onPaired(paired: Paired): void;
  /** The relay's refusal, `timeout` when it falls silent, `malformed`, or what {@link ConnectTalk.end} was told. */
  onFailed(error: BeaconError): void;
}

/** Calls `onPaired` or `onFailed`, once, and nothing after it. */
export class ConnectTalk {
  readonly #options: ConnectTalkOptions;
  readonly #handler: ConnectTalkHandler;
  #timer: Timer | undefined;
  #done = false;

  constructor(options: ConnectTalkOptions, handler: ConnectTalkHandler) {
    this.#options = options;
    this.#handler = handler;
  }

  get done(): boolean {
    return this.#done;
  }

  /** Says HELLO. */
  start(): void {
    const { infoHash, instance, software, wanted, except = [], avoid = [] } = this.#options;
    this.heard();
    this.#handler.send({
      type: 'hello',
      version: PROTOCOL_VERSION,
      role: 'connect',
      infoHash: infoHashBytes(infoHash),
      instance,
      software,
      wanted,
      except,
      avoid,
    });
  }

  /** Anything came from the relay. */
  heard(): void {
    if (this.#done) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(RELAY_SILENCE_MS, () =>
      this.end(
        new BeaconError('timeout', 'the relay fell silent before it paired this broker', { retry: true }),
      ),
    );
  }

  take(frame: RelayFrame): void {
    if (this.#done) return;
    switch (frame.type) {
      case 'paired':
        this.#stop();
        return this.#handler.onPaired(frame);
      case 'waiting':
      case 'ping':
      case 'pong':
      case 'draining':
      case 'goaway':
        return;
      case 'refused':
        return this.end(refusalError(frame));
      case 'parked':
      case 'offer':
        return this.end(new BeaconError('malformed', `the relay sent ${frame.type} to a broker`));
    }
  }

  /** The connection is of no use any more, for this reason. */
  end(error: BeaconError): void {
    if (this.#done) return;
    this.#stop();
    this.#handler.onFailed(error);
  }

  #stop(): void {
    this.#done = true;
    this.#timer?.cancel();
  }
}
