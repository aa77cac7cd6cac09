/**
 * One end of a forward's socket while it carries frames: reads them, knows when they are over, and ends or hands over the
 * link. Both the origin and the holder are built on it.
 */
import assert from 'node:assert';
import type { Clock, Timer } from '../../base/clock.ts';
import { BeaconError } from '../../base/errors.ts';
import { CONTROL_BUFFER_BYTES, REFUSED_LINGER_MS } from '../../base/limits.ts';
import type { Link } from '../../net/link.ts';
import type { FrameDecoder } from '../../wire/decode.ts';
import type { AnyFrame } from '../../wire/table.ts';

export interface ChannelHandler<F extends AnyFrame> {
  onFrame(frame: F): void;
  /**
   * The other side left (`closed`), or broke the protocol (`malformed`, `unsupportedVersion`), or there was a fault
   * (`internal`), or `onFrame` threw a BeaconError. Reset or finish the channel. Comes once.
   */
  onLost(error: BeaconError): void;
  /** `onFrame` threw anything else: for the log. */
  onFault(error: unknown): void;
  /** Nothing of the channel is left: it was reset, released, or has closed. Comes once, and last. */
  onDone(): void;
}

/**
 * open: frames come in · silent: none may come in, nor anything else · finishing: our last frame is out, and we wait for
 * the other side to close · done: not ours any more.
 */
type State = 'open' | 'silent' | 'finishing' | 'done';

export class Channel<F extends AnyFrame> {
  readonly link: Link;
  readonly #decoder: FrameDecoder<F>;
  readonly #clock: Clock;
  readonly #handler: ChannelHandler<F>;
  #state: State = 'open';
  #isLost = false;
  #lingering: Timer | undefined;

  constructor(link: Link, decoder: FrameDecoder<F>, clock: Clock, handler: ChannelHandler<F>) {
    this.link = link;
    this.#decoder = decoder;
    this.#clock = clock;
    this.#handler = handler;
  }

  /** Begins to read. */
  start(): void {
    const { stream } = this.link;
    stream.on('data', this.#onData);
    stream.on('end', this.#onEnd);
    // An error of TLS does not close the stream by itself.
    stream.on('error', this.#onBroken);
    stream.on('close', this.#onBroken);
    stream.resume();
  }

  /** Sends one encoded frame. Nothing is sent after {@link finish}, {@link release} or {@link reset}. */
  send(frame: Buffer): void {
    if (this.#state !== 'open' && this.#state !== 'silent') return;
    const { stream } = this.link;
    // A node that does not read its frames must not make us keep them.
    if (stream.writableLength > CONTROL_BUFFER_BYTES)
      this.#lose(new BeaconError('closed', 'the other node does not read what it is told'));
    else stream.write(frame);
  }

  /** From within `onFrame`: that frame was the other side's last word until it is told to go on. */
  expectSilence(): void {
    assert(this.#state === 'open');
    this.#state = 'silent';
    if (this.#decoder.takeRest().length > 0) throw tooEarly();
  }

  /** Hands over the link, paused, with every byte after the last frame in its stream. */
  release(): Link {
    assert(this.#state === 'open' || this.#state === 'silent');
    const { stream } = this.link;
    stream.pause();
    const rest = this.#state === 'open' ? this.#decoder.takeRest() : undefined;
    this.#detach();
    if (rest && rest.length > 0) stream.unshift(rest);
    return this.link;
  }

  /** Sends `last`, if there is something left to say, ends, and gives the other side a moment to read it and end too. */
  finish(last?: Buffer): void {
    if (this.#state === 'done' || this.#state === 'finishing') return;
    this.#state = 'finishing';
    this.#lingering = this.#clock.after(REFUSED_LINGER_MS, () => this.reset());
    // Read on and discard: unread bytes would turn our close into a reset that overtakes what we said.
    if (last) this.link.stream.end(last);
    else this.link.stream.end();
  }

  /** Ends the connection with a reset. Idempotent. */
  reset(): void {
    if (this.#state === 'done') return;
    this.#detach();
    this.link.reset();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#state === 'silent') return this.#lose(tooEarly());
    if (this.#state !== 'open') return;
    try {
      this.#decoder.push(chunk);
      this.#readFrames();
    } catch (error) {
      // Also what a handler threw: further up it would end the process.
      if (error instanceof BeaconError) this.#lose(error);
      else this.#onFault(error);
    }
  };

  #readFrames(): void {
    // Whatever a frame leads to may end the frames: what follows it is not for the decoder then.
    while (this.#state === 'open') {
      const frame = this.#decoder.next();
      if (!frame) return;
      this.#handler.onFrame(frame);
    }
  }

  #onFault(error: unknown): void {
    this.#handler.onFault(error);
    this.#lose(new BeaconError('internal', 'a forward failed by a fault of ours', { cause: error }));
    // Whoever was to get the link has just failed to take it.
    if (this.#state === 'done') this.link.reset();
  }

  /** Half of a socket lives only in a splice. One that is finishing closes by itself once both sides have ended. */
  readonly #onEnd = (): void => {
    if (this.#state !== 'finishing') this.#lose(left());
  };

  readonly #onBroken = (): void => {
    if (this.#state === 'finishing') this.reset();
    else this.#lose(left());
  };

  #lose(error: BeaconError): void {
    if (this.#isLost || this.#state === 'finishing' || this.#state === 'done') return;
    this.#isLost = true;
    this.#handler.onLost(error);
  }

  #detach(): void {
    const { stream } = this.link;
    this.#state = 'done';
    this.#lingering?.cancel();
    stream.off('data', this.#onData);
    stream.off('end', this.#onEnd);
    stream.off('error', this.#onBroken);
    stream.off('close', this.#onBroken);
    this.#handler.onDone();
  }
}

function left(): BeaconError {
  return new BeaconError('closed', 'the other node closed the forward before it was joined', { retry: true });
}

function tooEarly(): BeaconError {
  return new BeaconError('malformed', 'the other node sent bytes between TAKE and JOINED');
}
