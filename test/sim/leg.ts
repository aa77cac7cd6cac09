/** One leg of a run: tunnel frames over a connection, as src/tunnel/leg.ts has them over a socket. */
import type { Clock, Timer } from '../../src/base/clock.ts';
import { BeaconError } from '../../src/base/errors.ts';
import { LEG_LINGER_MS, SESSION_LEG_BUFFER_BYTES } from '../../src/base/limits.ts';
import { TUNNEL_VERSION, type TunnelFrame, TunnelFrameDecoder } from '../../src/tunnel/frames.ts';
import type { LegId } from '../../src/tunnel/session/types.ts';
import type { Message } from './message.ts';
import type { Ending, SimLink } from './net.ts';

/** As LegHandler of src/tunnel/leg.ts. */
export interface SimLegHandler {
  onData(leg: SimLeg, offset: number, bytes: Buffer): void;
  onFrame(leg: SimLeg, frame: TunnelFrame): void;
  onRead(leg: SimLeg): void;
  onRoom(leg: SimLeg): void;
  onLost(leg: SimLeg, clean: boolean, error: BeaconError | undefined): void;
}

export interface SimLegOptions {
  readonly id: LegId;
  /** Nodes that it is known to cross. */
  readonly path: readonly string[];
  readonly link: SimLink<Message>;
  readonly clock: Clock;
}

export class SimLeg {
  readonly id: LegId;
  readonly path: readonly string[];
  handler: SimLegHandler;
  readonly #link: SimLink<Message>;
  readonly #clock: Clock;
  readonly #decoder: TunnelFrameDecoder;
  /** Tells nobody anything any more. */
  #over = false;
  #ended = false;
  #full = false;
  #finSeen = false;
  #linger: Timer | undefined;
  #onDone: (() => void) | undefined;

  /** Takes the connection over, and says which version it speaks. */
  constructor({ id, path, link, clock }: SimLegOptions, handler: SimLegHandler) {
    this.id = id;
    this.path = path;
    this.handler = handler;
    this.#link = link;
    this.#clock = clock;
    this.#decoder = new TunnelFrameDecoder({
      onData: (offset, bytes) => this.handler.onData(this, offset, bytes),
      onClose: (offset) => this.handler.onFrame(this, { type: 'close', offset }),
      onFrame: (frame) => this.handler.onFrame(this, frame),
    });
    this.#send(Buffer.of(TUNNEL_VERSION));
    link.handle({
      onMessage: (message) => this.#onMessage(message),
      onProgress: () => this.#onProgress(),
      onEnd: (how) => this.#onEnd(how),
    });
    link.resume();
  }

  get hasRoom(): boolean {
    return !this.#full && !this.#over && !this.#ended;
  }

  write(pieces: readonly Buffer[]): void {
    if (this.#over || this.#ended || pieces.length === 0) return;
    this.#send(Buffer.concat(pieces));
    this.#full = this.#link.unsent >= SESSION_LEG_BUFFER_BYTES;
  }

  /** Ends our direction. */
  end(): void {
    if (this.#ended || this.#link.over) return;
    this.#ended = true;
    this.#link.send({ fin: true });
  }

  reset(): void {
    this.#forget();
    this.#link.reset();
  }

  /** Says `last`, ends, and cuts it after LEG_LINGER_MS if the other end has not ended by then; then calls `onDone`. */
  finish(last: readonly Buffer[], onDone: () => void): void {
    this.write(last);
    this.#forget();
    this.end();
    this.#onDone = onDone;
    if (this.#finSeen || this.#link.over) return this.#done();
    this.#linger = this.#clock.after(LEG_LINGER_MS, () => {
      this.#link.reset();
      this.#done();
    });
  }

  #done(): void {
    this.#linger?.cancel();
    this.#link.close();
    const onDone = this.#onDone;
    this.#onDone = undefined;
    onDone?.();
  }

  #send(bytes: Buffer): void {
    this.#link.send({ opaque: bytes }, bytes.length);
  }

  #forget(): void {
    this.#over = true;
    this.#decoder.stop();
  }

  #onMessage(message: Message): void {
    if ('fin' in message) return this.#onEnd('clean');
    if (this.#over) return;
    if (!('opaque' in message)) return this.#lose(new BeaconError('malformed', 'a frame behind PAIRED'));
    try {
      this.#decoder.push(message.opaque);
    } catch (error) {
      if (!(error instanceof BeaconError)) throw error;
      return this.#lose(error);
    }
    if (!this.#over) this.handler.onRead(this);
  }

  #onProgress(): void {
    if (!this.#full || this.#over || this.#link.unsent >= SESSION_LEG_BUFFER_BYTES) return;
    this.#full = false;
    this.handler.onRoom(this);
  }

  #onEnd(how: Ending): void {
    this.#finSeen = true;
    if (this.#over) return this.#done();
    if (how === 'reset') return this.#lose(new BeaconError('closed', 'the leg was cut', { retry: true }));
    this.#forget();
    this.handler.onLost(this, true, undefined);
  }

  #lose(error: BeaconError): void {
    this.reset();
    this.handler.onLost(this, false, error);
  }
}
