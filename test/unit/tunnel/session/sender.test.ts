import { describe, expect, it } from 'vitest';
import { closeFrame, DATA_BYTES, dataHeader } from '../../../../src/tunnel/frames.ts';
import { Sender } from '../../../../src/tunnel/session/sender.ts';

function filled(length: number, window = 1_000): Sender {
  const sender = new Sender(window, 10);
  sender.write(Buffer.alloc(length, 1));
  return sender;
}

function sent(sender: Sender, budget = 1_000_000, now = 0, leg = 1): string {
  const out: Buffer[] = [];
  sender.fill(out, budget, leg, now);
  return Buffer.concat(out).toString('hex');
}

const data = (offset: number, length: number): string =>
  Buffer.concat([dataHeader(offset, length), Buffer.alloc(length, 1)]).toString('hex');

describe('a sender', () => {
  it('has room below a window and below a number of chunks', () => {
    expect([filled(999).room, filled(1_000).room]).toEqual([true, false]);
    const sender = new Sender(1_000, 10);
    for (let count = 0; count < 9; count += 1) sender.write(Buffer.of(1));
    expect(sender.room).toBe(true);
    sender.write(Buffer.of(1));
    expect(sender.room).toBe(false);
    sent(sender);
    sender.ack(1, 0, 0);
    expect(sender.room).toBe(true);
  });

  it('joins chunks in one frame, and fills frames', () => {
    const sender = new Sender(1_000_000, 100);
    sender.write(Buffer.alloc(3, 1));
    sender.write(Buffer.alloc(4, 1));
    expect(sent(sender)).toBe(data(0, 7));
    sender.write(Buffer.alloc(DATA_BYTES + 5, 1));
    expect(sent(sender)).toBe(data(7, DATA_BYTES) + data(7 + DATA_BYTES, 5));
  });

  it('stops with the frame that uses the budget up', () => {
    const sender = new Sender(1_000_000, 100);
    sender.write(Buffer.alloc(3 * DATA_BYTES, 1));
    expect(sent(sender, 1)).toBe(data(0, DATA_BYTES));
    expect(sent(sender, DATA_BYTES + 13)).toBe(
      data(DATA_BYTES, DATA_BYTES) + data(2 * DATA_BYTES, DATA_BYTES),
    );
  });

  it('sends nothing from the limit of the other end on, and nothing waits then', () => {
    const sender = filled(1_500);
    expect(sent(sender)).toBe(data(0, 1_000));
    expect(sent(sender)).toBe('');
    expect(sender.waiting).toBe(true);
    sender.ack(1_000, 1_000, 0);
    expect(sender.waiting).toBe(false);
    sender.ack(1_000, 1_100, 0);
    expect([sender.waiting, sent(sender)]).toEqual([true, data(1_000, 100)]);
    // Older news.
    sender.ack(1_000, 900, 0);
    expect(sent(sender)).toBe('');
  });

  it('replays from what is acknowledged, byte for byte, and counts it', () => {
    const sender = filled(100);
    sent(sender);
    sender.ack(30, 0, 0);
    sender.rewind();
    expect(sender.replayedBytes).toBe(0);
    expect(sent(sender)).toBe(data(30, 70));
    expect([sender.replayedBytes, sender.highest]).toEqual([70, 100]);
    sender.rewind();
    sender.ack(90, 0, 0);
    sender.write(Buffer.alloc(5, 1));
    expect(sent(sender)).toBe(data(90, 15));
    expect(sender.replayedBytes).toBe(80);
  });

  it('takes acknowledgements of what was sent, and no further', () => {
    const sender = filled(100);
    expect(sender.ack(1, 0, 0).kind).toBe('wrong');
    sent(sender);
    sender.rewind();
    // Sent once is sent, also after a move.
    expect(sender.ack(100, 0, 0).kind).toBe('progress');
    expect(sender.ack(100, 0, 0).kind).toBe('none');
    expect(sender.ack(99, 0, 0).kind).toBe('none');
    expect(sender.ack(101, 0, 0).kind).toBe('wrong');
  });

  it('judges an offset that was proved', () => {
    const sender = filled(100);
    sent(sender);
    sender.ack(50, 0, 0);
    expect([sender.misproved(40, 40), sender.misproved(100, 40)]).toEqual([undefined, undefined]);
    expect(sender.misproved(39, 40)).toContain('not between 40 and 100');
    expect(sender.misproved(101, 40)).toContain('not between 40 and 100');
  });

  it('ends with one byte more, which is sent again and acknowledged like any', () => {
    const sender = filled(10);
    sender.end();
    expect(sent(sender)).toBe(data(0, 10) + closeFrame(10).toString('hex'));
    expect(sent(sender)).toBe('');
    sender.ack(10, 0, 0);
    expect([sender.finished, sender.waiting]).toEqual([false, true]);
    sender.rewind();
    expect(sent(sender)).toBe(closeFrame(10).toString('hex'));
    expect(sender.ack(12, 0, 0).kind).toBe('wrong');
    expect(sender.ack(11, 0, 0).kind).toBe('progress');
    expect([sender.finished, sender.waiting, sender.acked]).toEqual([true, false, 11]);
    sender.rewind();
    expect(sent(sender)).toBe('');
  });

  it('does not end before all bytes may be sent', () => {
    const sender = filled(1_001);
    sender.end();
    expect(sent(sender)).toBe(data(0, 1_000));
    sender.ack(1_000, 1_001, 0);
    expect(sent(sender)).toBe(data(1_000, 1) + closeFrame(1_001).toString('hex'));
  });

  it('measures a round trip by bytes that were sent once', () => {
    const sender = filled(100);
    sent(sender, 1, 50, 3);
    expect(sender.ack(99, 0, 60)).toEqual({ kind: 'progress', rtt: undefined });
    expect(sender.ack(100, 0, 75)).toEqual({ kind: 'progress', rtt: { leg: 3, ms: 25 } });
    sender.write(Buffer.alloc(100, 1));
    sent(sender, 1, 100);
    sender.rewind();
    sent(sender, 1, 150);
    expect(sender.ack(200, 0, 160)).toEqual({ kind: 'progress', rtt: undefined });
  });
});
