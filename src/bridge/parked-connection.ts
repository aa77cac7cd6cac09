/**
 * One parked connection of a bridge: a {@link ParkTalk} over a link, which is handed over when the relay offers a pairing.
 * Every byte after OFFER is opaque.
 */
import { BeaconError } from '../base/errors.ts';
import { CONTROL_BUFFER_BYTES } from '../base/limits.ts';
import type { Link } from '../net/link.ts';
import { relayFrames } from '../wire/decode.ts';
import { encodeClientFrame } from '../wire/encode.ts';
import type { ClientFrame } from '../wire/frames.ts';
import type { ParkConnection, ParkHandler } from './park-keeper.ts';
import { type ParkOptions, ParkTalk } from './park-talk.ts';

export class ParkedConnection implements ParkConnection {
  readonly #link: Link;
  readonly #talk: ParkTalk;
  readonly #handler: ParkHandler<Link>;
  readonly #decoder = relayFrames();

  constructor(link: Link, options: ParkOptions, handler: ParkHandler<Link>) {
    this.#link = link;
    this.#handler = handler;
    const { stream } = link;
    stream.on('data', this.#onData);
    stream.on('end', this.#onCut);
    stream.on('close', this.#onCut);
    stream.on('error', this.#onCut);
    this.#talk = new ParkTalk(options, {
      send: (frame) => this.#send(frame),
      onParked: (parked) => handler.onParked(parked),
      onLeave: () => handler.onLeave(),
      onDraining: (node) => handler.onDraining(node),
      onPaired: () => this.#handOver(),
      onEnd: (error, parkedMs) => {
        this.#destroy();
        handler.onEnd(error, parkedMs);
      },
    });
    this.#talk.start();
    stream.resume();
  }

  /** Whether the relay holds it in its lot. */
  get parked(): boolean {
    return this.#talk.parked;
  }

  /** Leaves without a word to the handler. */
  close(): void {
    if (this.#talk.done) return;
    this.#talk.stop();
    this.#destroy();
  }

  #send(frame: ClientFrame): void {
    const { stream } = this.#link;
    // A relay that asks and does not read must not make us keep the answers.
    if (stream.writableLength > CONTROL_BUFFER_BYTES) return this.#talk.silent();
    stream.write(encodeClientFrame(frame));
  }

  readonly #onData = (chunk: Buffer): void => {
    try {
      this.#decoder.push(chunk);
      while (!this.#talk.done) {
        const frame = this.#decoder.next();
        if (!frame) return;
        this.#talk.take(frame);
      }
    } catch (error) {
      if (!(error instanceof BeaconError)) throw error;
      this.#talk.end(error);
    }
  };

  #handOver(): void {
    const { stream } = this.#link;
    stream.pause();
    this.#detach();
    const rest = this.#decoder.takeRest();
    if (rest.length > 0) stream.unshift(rest);
    this.#handler.onPaired(this.#link);
  }

  readonly #onCut = (cause?: unknown): void => {
    this.#talk.end(new BeaconError('closed', 'the relay closed a parked connection', { cause, retry: true }));
  };

  #destroy(): void {
    this.#detach();
    this.#link.stream.on('error', () => {});
    this.#link.stream.destroy();
  }

  #detach(): void {
    const { stream } = this.#link;
    stream.off('data', this.#onData);
    stream.off('end', this.#onCut);
    stream.off('close', this.#onCut);
    stream.off('error', this.#onCut);
  }
}
