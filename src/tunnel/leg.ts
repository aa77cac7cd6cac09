/** One leg: tunnel frames over a link. Knows nothing of sessions; whoever has it says what its frames mean. */
import type { Clock } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import { LEG_LINGER_MS, SESSION_LEG_BUFFER_BYTES } from '../base/limits.ts';
import type { Link } from '../net/link.ts';
import { TUNNEL_VERSION, type TunnelFrame, TunnelFrameDecoder } from './frames.ts';
import type { LegId } from './session/types.ts';

/** Calls come one after the other, and none after `onLost`, {@link Leg.reset} or {@link Leg.finish}. */
export interface LegHandler {
  /** Part of a DATA frame. A view that is good for this call, and for as long as nobody changes it. */
  onData(leg: Leg, offset: number, bytes: Buffer): void;
  onFrame(leg: Leg, frame: TunnelFrame): void;
  /** All that one read brought has been handed out. */
  onRead(leg: Leg): void;
  /** {@link Leg.hasRoom} again. */
  onRoom(leg: Leg): void;
  /**
   * No more is read. `clean`: the other end ended its direction; then the handler is to {@link Leg.finish} or to
   * {@link Leg.reset} it. Else the leg is reset already. `error`: why, where that is known.
   */
  onLost(leg: Leg, clean: boolean, error: BeaconError | undefined): void;
}

export interface LegOptions {
  /** Unique within the session. */
  readonly id: LegId;
  readonly link: Link;
  /** Nodes that it crosses, as PAIRED named them; empty at a bridge, which is not told. */
  readonly path: readonly string[];
  readonly clock: Clock;
}

export class Leg {
  readonly id: LegId;
  readonly path: readonly string[];
  /** Who is told; may be replaced at any time, also from within a call. */
  handler: LegHandler;
  readonly #link: Link;
  readonly #decoder: TunnelFrameDecoder;
  readonly #clock: Clock;
  #full = false;
  #over = false;

  /** Takes the link over, says which version it speaks, and begins to read. */
  constructor({ id, link, path, clock }: LegOptions, handler: LegHandler) {
    this.id = id;
    this.path = path;
    this.handler = handler;
    this.#clock = clock;
    this.#link = link;
    this.#decoder = new TunnelFrameDecoder({
      onData: (offset, bytes) => this.handler.onData(this, offset, bytes),
      onClose: (offset) => this.handler.onFrame(this, { type: 'close', offset }),
      onFrame: (frame) => this.handler.onFrame(this, frame),
    });
    const { stream } = link;
    stream.on('data', this.#onData);
    stream.on('end', this.#onEnd);
    stream.on('error', this.#onError);
    stream.on('close', this.#onClose);
    stream.on('drain', this.#onDrain);
    stream.write(Buffer.of(TUNNEL_VERSION));
    stream.resume();
    // It may have ended before anybody listened.
    if (stream.destroyed || stream.readableEnded) queueMicrotask(this.#onClose);
  }

  /** Whether it takes more at once. What it is given without room it keeps, though not for a session: that one asks first. */
  get hasRoom(): boolean {
    return !this.#full && !this.#over && !this.#link.stream.writableEnded;
  }

  /** Writes whole frames as one, so that the outer TLS fills its records. */
  write(pieces: readonly Buffer[]): void {
    const { stream } = this.#link;
    if (this.#over || stream.writableEnded || pieces.length === 0) return;
    stream.cork();
    for (const piece of pieces) stream.write(piece);
    stream.uncork();
    // Less than the stream itself would hold: what waits here is sent again elsewhere when the leg dies.
    this.#full = stream.writableNeedDrain && stream.writableLength >= SESSION_LEG_BUFFER_BYTES;
  }

  /** Ends our direction, after all that was written. The leg lives on until the other end ends too, or is reset. */
  end(): void {
    if (!this.#over && !this.#link.stream.writableEnded) this.#link.stream.end();
  }

  /** Cuts it. Idempotent. */
  reset(): void {
    this.#forget();
    this.#link.reset();
  }

  /**
   * Says `last`, ends, and cuts it after LEG_LINGER_MS if the other end has not ended by then. Nobody is told anything any
   * more. Resolves when the link is closed.
   */
  finish(last: readonly Buffer[] = []): Promise<void> {
    this.write(last);
    this.#forget();
    const { stream } = this.#link;
    if (stream.closed) return Promise.resolve();
    stream.end();
    stream.resume();
    const timer = this.#clock.after(LEG_LINGER_MS, () => this.#link.reset());
    return new Promise((resolve) => {
      stream.once('close', () => {
        timer.cancel();
        resolve();
      });
    });
  }

  /** Tells nobody anything any more, and drops what comes. */
  #forget(): void {
    this.#over = true;
    this.#decoder.stop();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#over) return;
    try {
      this.#decoder.push(chunk);
    } catch (error) {
      // Of the decoder: what a handler throws is a fault of ours, and nobody further up could do better.
      if (!(error instanceof BeaconError)) throw error;
      return this.#lose(error);
    }
    if (!this.#over) this.handler.onRead(this);
  };

  readonly #onDrain = (): void => {
    if (!this.#full || this.#over) return;
    this.#full = false;
    this.handler.onRoom(this);
  };

  readonly #onEnd = (): void => {
    if (this.#over) return;
    this.#forget();
    this.handler.onLost(this, true, undefined);
  };

  readonly #onError = (cause: unknown): void =>
    this.#lose(new BeaconError('closed', 'the leg was cut', { cause, retry: true }));

  readonly #onClose = (): void => this.#lose(new BeaconError('closed', 'the leg was cut', { retry: true }));

  #lose(error: BeaconError): void {
    if (this.#over) return;
    this.reset();
    this.handler.onLost(this, false, error);
  }
}
