/**
 * Frames on a libp2p stream, with a bound on what is kept unread: libp2p's own readers keep whatever the other side
 * sends.
 */
import type { Stream } from '@libp2p/interface';
import type { Clock, Timer } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';

const LENGTH_BYTES = 4;

/** `payload` behind its length (u32, big endian). */
export function frameOf(payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(LENGTH_BYTES + payload.length);
  frame.writeUInt32BE(payload.length);
  frame.set(payload, LENGTH_BYTES);
  return frame;
}

interface Waiting {
  readonly count: number;
  readonly resolve: (bytes: Buffer) => void;
  readonly reject: (error: BeaconError) => void;
  readonly timer: Timer | undefined;
}

export class FrameReader {
  readonly #stream: Stream;
  readonly #clock: Clock;
  readonly #maxUnread: number;
  #chunks: Uint8Array[] = [];
  #unread = 0;
  #waiting: Waiting | undefined;
  #ended: BeaconError | undefined;

  /** Reads from now on. More than `maxUnread` bytes that nobody took abort the stream. */
  constructor(stream: Stream, maxUnread: number, clock: Clock) {
    this.#stream = stream;
    this.#maxUnread = maxUnread;
    this.#clock = clock;
    stream.addEventListener('message', ({ data }) => this.#onBytes(data.subarray()));
    stream.addEventListener('remoteCloseWrite', () => this.#end(closed()));
    stream.addEventListener('close', () => this.#end(closed()));
    // A new stream may have been reset before anybody could listen.
    if (stream.status !== 'open') this.#end(closed());
  }

  /**
   * One frame's payload, possibly empty. One call at a time. Throws `malformed` when it is longer than `max` bytes,
   * `closed`, and `timeout` where a time is given; the reader is of no use then, and the stream is the caller's to end.
   */
  async next(max: number, timeoutMs?: number): Promise<Buffer> {
    const length = (await this.#take(LENGTH_BYTES, timeoutMs)).readUInt32BE();
    if (length > max) {
      throw new BeaconError(
        'malformed',
        `a member sent a frame of ${length} bytes, at most ${max} are allowed`,
      );
    }
    return this.#take(length, timeoutMs);
  }

  #take(count: number, timeoutMs: number | undefined): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const timer =
        timeoutMs === undefined ? undefined : this.#clock.after(timeoutMs, () => this.#end(late()));
      this.#waiting = { count, resolve, reject, timer };
      this.#settle();
    });
  }

  #onBytes(bytes: Uint8Array): void {
    if (this.#ended) return;
    this.#chunks.push(bytes);
    this.#unread += bytes.length;
    this.#settle();
    if (this.#unread <= this.#maxUnread) return;
    const error = new BeaconError('malformed', 'a member sends more than can be taken');
    this.#end(error);
    this.#stream.abort(error);
  }

  #end(error: BeaconError): void {
    this.#ended ??= error;
    this.#settle();
  }

  /** What has arrived is handed out even after the end. */
  #settle(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    const enough = this.#unread >= waiting.count;
    if (!enough && !this.#ended) return;
    this.#waiting = undefined;
    waiting.timer?.cancel();
    if (enough) waiting.resolve(this.#cut(waiting.count));
    else waiting.reject(this.#ended as BeaconError);
  }

  #cut(count: number): Buffer {
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all.subarray(count)];
    this.#unread = all.length - count;
    return all.subarray(0, count);
  }
}

function closed(): BeaconError {
  return new BeaconError('closed', 'a member ended a stream', { retry: true });
}

function late(): BeaconError {
  return new BeaconError('timeout', 'a member did not answer in time', { retry: true });
}
