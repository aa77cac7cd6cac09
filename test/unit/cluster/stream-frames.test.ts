import type { Stream } from '@libp2p/interface';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { FrameReader, frameOf } from '../../../src/cluster/stream-frames.ts';

/** As much of a libp2p stream as a reader uses. */
class FakeStream extends EventTarget {
  status = 'open';
  aborted = false;

  arrive(bytes: Uint8Array): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data: bytes }));
  }

  abort(): void {
    this.aborted = true;
  }

  asStream(): Stream {
    return this as unknown as Stream;
  }
}

function readerOf(maxUnread = 100): { stream: FakeStream; reader: FrameReader } {
  const stream = new FakeStream();
  return { stream, reader: new FrameReader(stream.asStream(), maxUnread, systemClock) };
}

describe('FrameReader', () => {
  test('finds frames however they are cut, empty ones too', async () => {
    const { stream, reader } = readerOf();
    const bytes = Buffer.concat(['one', '', 'three'].map((text) => frameOf(Buffer.from(text))));
    for (const byte of bytes) stream.arrive(Buffer.of(byte));
    for (const text of ['one', '', 'three']) expect((await reader.next(5)).toString()).toBe(text);

    const waiting = reader.next(5);
    stream.arrive(frameOf(Buffer.from('late')));
    expect((await waiting).toString()).toBe('late');
  });

  test('takes a frame of the greatest length, and none longer', async () => {
    const { stream, reader } = readerOf();
    stream.arrive(frameOf(Buffer.alloc(8)));
    expect(await reader.next(8)).toHaveLength(8);
    stream.arrive(frameOf(Buffer.alloc(9)));
    await expect(reader.next(8)).rejects.toMatchObject({ code: 'malformed' });
  });

  test('keeps so many bytes unread, and aborts at one more', async () => {
    const { stream, reader } = readerOf(10);
    stream.arrive(Buffer.concat([frameOf(Buffer.alloc(2)), Buffer.alloc(4)]));
    expect(stream.aborted).toBe(false);
    stream.arrive(Buffer.of(0));
    expect(stream.aborted).toBe(true);
    // What was whole before is handed out still.
    expect(await reader.next(8)).toHaveLength(2);
  });

  test.each(['remoteCloseWrite', 'close'])(
    'hands out what came before %s, and then throws',
    async (event) => {
      const { stream, reader } = readerOf();
      stream.arrive(Buffer.concat([frameOf(Buffer.from('whole')), Buffer.of(0, 0, 0, 9, 1)]));
      stream.dispatchEvent(new Event(event));
      expect((await reader.next(9)).toString()).toBe('whole');
      await expect(reader.next(9)).rejects.toMatchObject({ code: 'closed', retry: true });
    },
  );

  test('throws at once where the stream was reset before it was read', async () => {
    const stream = new FakeStream();
    stream.status = 'reset';
    const reader = new FrameReader(stream.asStream(), 100, systemClock);
    await expect(reader.next(9)).rejects.toMatchObject({ code: 'closed' });
  });

  test('throws when nothing comes in time', async () => {
    const { stream, reader } = readerOf();
    stream.arrive(Buffer.of(0, 0, 0, 2, 1));
    await expect(reader.next(9, 5)).rejects.toMatchObject({ code: 'timeout', retry: true });
  });
});
