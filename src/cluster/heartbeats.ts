/**
 * Heartbeats: short messages to one member over our own connection to it, which nobody can relay. One stream for each
 * direction of a connection, opened with the first heartbeat and again when it was lost. A heartbeat that cannot be
 * sent now is dropped: the next one says more.
 */
import assert from 'node:assert';
import type { Connection, Stream } from '@libp2p/interface';
import type { Clock } from '../base/clock.ts';
import { HEARTBEAT_BYTES, HEARTBEAT_UNSENT_BYTES, PULL_TIMEOUT_MS } from '../base/limits.ts';
import { FrameReader, frameOf } from './stream-frames.ts';

export const HEARTBEAT_PROTOCOL = '/beacon/heartbeat/1';

interface Sender {
  stream: Stream | undefined;
  /** The newest heartbeat, while the stream is being opened. */
  next: Uint8Array | undefined;
  opening: boolean;
}

export class Heartbeats {
  readonly #clock: Clock;
  readonly #senders = new WeakMap<Connection, Sender>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sends `bytes`, at most HEARTBEAT_BYTES, as soon as it can; best effort. Throws nothing. */
  send(connection: Connection, bytes: Uint8Array): void {
    assert(bytes.length <= HEARTBEAT_BYTES, 'a heartbeat is too large');
    const sender = this.#senders.get(connection) ?? { stream: undefined, next: undefined, opening: false };
    this.#senders.set(connection, sender);
    sender.next = bytes;
    if (sender.stream?.status === 'open') flush(sender, sender.stream);
    else if (!sender.opening) void this.#open(connection, sender);
  }

  async #open(connection: Connection, sender: Sender): Promise<void> {
    const controller = new AbortController();
    const timer = this.#clock.after(PULL_TIMEOUT_MS, () => controller.abort());
    sender.opening = true;
    try {
      sender.stream = await connection.newStream(HEARTBEAT_PROTOCOL, { signal: controller.signal });
      flush(sender, sender.stream);
    } catch {
      // The connection is dying: whoever watches it says so.
      sender.next = undefined;
    } finally {
      sender.opening = false;
      timer.cancel();
    }
  }
}

/** Hands each heartbeat of `stream` to `take`, until it ends; then throws why, or what `take` threw. */
export async function readHeartbeats(
  stream: Stream,
  take: (bytes: Uint8Array) => void,
  clock: Clock,
): Promise<never> {
  const reader = new FrameReader(stream, HEARTBEAT_UNSENT_BYTES, clock);
  for (;;) take(await reader.next(HEARTBEAT_BYTES));
}

function flush(sender: Sender, stream: Stream): void {
  const { next } = sender;
  sender.next = undefined;
  if (!next || stream.writeBufferLength > HEARTBEAT_UNSENT_BYTES - HEARTBEAT_BYTES) return;
  try {
    stream.send(frameOf(next));
  } catch {
    sender.stream = undefined;
  }
}
