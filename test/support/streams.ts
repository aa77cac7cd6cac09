/** Watching and feeding streams in tests. */
import type { Duplex } from 'node:stream';
import { settled } from './leaks.ts';

/** Everything that happens at the reading side of a stream, in order. */
export interface Watched {
  /** Names of the events 'end', 'error:CODE' and 'close' that came. */
  readonly events: readonly string[];
  readonly bytes: Buffer;
  /** Resolves at 'end', or rejects at 'close' without it. */
  readonly ended: Promise<void>;
  readonly closed: Promise<void>;
}

/** Begins to read. */
export function watch(stream: Duplex): Watched {
  const chunks: Buffer[] = [];
  const events: string[] = [];
  const end = Promise.withResolvers<void>();
  const close = Promise.withResolvers<void>();
  end.promise.catch(() => {});
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.once('end', () => {
    events.push('end');
    end.resolve();
  });
  stream.on('error', (error: NodeJS.ErrnoException) => events.push(`error:${error.code}`));
  stream.once('close', () => {
    events.push('close');
    end.reject(new Error('closed without an end'));
    close.resolve();
  });
  stream.resume();
  return {
    events,
    get bytes() {
      return Buffer.concat(chunks);
    },
    ended: end.promise,
    closed: close.promise,
  };
}

/** Writes chunks until the stream takes no more; returns the bytes written. Bounded by `most`. */
export async function writeUntilStuck(
  stream: Duplex,
  most: number,
  chunk = Buffer.alloc(16_384, 1),
): Promise<number> {
  let written = 0;
  while (written < most) {
    written += chunk.length;
    if (stream.write(chunk)) continue;
    const free = await settled(() => stream.destroyed || !stream.writableNeedDrain, 300);
    if (!free || stream.destroyed) return written;
  }
  return written;
}

/** Resolves when the stream is closed, with an error or without. */
export function closed(stream: Duplex): Promise<void> {
  if (stream.closed) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once('close', () => resolve());
  });
}
