import { describe, expect, it } from 'vitest';
import { Inbox } from '../../../../src/tunnel/session/inbox.ts';

const LIMITS = { windowBytes: 100, ackBytes: 20, ackDelayMs: 5 };
const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, at) => at));

function filled(length: number, at = 0): Inbox {
  const inbox = new Inbox(LIMITS);
  inbox.data(0, bytes(length), at);
  return inbox;
}

describe('an inbox', () => {
  it('passes on what is next, and of what overlaps only the new part', () => {
    const inbox = filled(10);
    expect(inbox.data(0, bytes(10), 0)).toEqual({ kind: 'old' });
    expect(inbox.data(8, bytes(5), 0)).toEqual({ kind: 'new', bytes: Buffer.of(2, 3, 4) });
    expect(inbox.received).toBe(13);
  });

  it('takes no gap, be it of one byte', () => {
    const inbox = filled(10);
    expect(inbox.data(11, bytes(1), 0)).toEqual({ kind: 'gap' });
    expect(inbox.close(11, 0)).toEqual({ kind: 'gap' });
    expect(inbox.data(10, bytes(1), 0).kind).toBe('new');
  });

  it('takes bytes up to its limit, which follows the reader', () => {
    const inbox = filled(99);
    expect(inbox.data(99, bytes(2), 0)).toEqual({
      kind: 'wrong',
      text: 'bytes up to 101, over the limit of 100',
    });
    expect(inbox.data(99, bytes(1), 0).kind).toBe('new');
    inbox.consumed(60, 0);
    expect([inbox.limit, inbox.unread]).toEqual([160, 40]);
    expect(inbox.data(100, bytes(60), 0).kind).toBe('new');
  });

  it('knows its end, takes it again, and nothing behind it', () => {
    const inbox = filled(10);
    expect(inbox.close(10, 0).kind).toBe('new');
    expect([inbox.ended, inbox.received]).toEqual([true, 11]);
    expect(inbox.close(10, 0)).toEqual({ kind: 'old' });
    expect(inbox.data(4, bytes(6), 0)).toEqual({ kind: 'old' });
    expect(inbox.data(4, bytes(7), 0)).toEqual({ kind: 'wrong', text: 'bytes after its end at 10' });
    expect(inbox.data(20, bytes(7), 0)).toEqual({ kind: 'wrong', text: 'bytes after its end at 10' });
    expect(inbox.close(9, 0)).toEqual({ kind: 'wrong', text: 'an end at 9, after 10 bytes' });
    expect(inbox.close(11, 0)).toEqual({ kind: 'wrong', text: 'an end at 11, after 10 bytes' });
    inbox.consumed(10, 0);
    expect(inbox.unread).toBe(0);
  });

  it('takes no end in the middle', () => {
    expect(filled(10).close(9, 0)).toEqual({ kind: 'wrong', text: 'an end at 9, after 10 bytes' });
  });

  describe('acknowledges', () => {
    it('at once from a number of bytes on, after a delay below it', () => {
      expect(new Inbox(LIMITS).ackAt).toBeUndefined();
      expect(filled(19, 7).ackAt).toBe(12);
      expect(filled(20, 7).ackAt).toBe(7);
    });

    it('by the first byte that is not acknowledged', () => {
      const inbox = filled(5, 7);
      inbox.data(5, bytes(5), 11);
      expect(inbox.ackAt).toBe(12);
      inbox.told();
      expect(inbox.ackAt).toBeUndefined();
      inbox.data(10, bytes(5), 50);
      expect(inbox.ackAt).toBe(55);
    });

    it('what came again, as the other end seems not to know it', () => {
      const inbox = filled(30, 0);
      inbox.told();
      inbox.data(0, bytes(19), 40);
      expect(inbox.ackAt).toBe(45);
      inbox.data(0, bytes(1), 41);
      expect(inbox.ackAt).toBe(40);
    });

    it('an end at once', () => {
      const inbox = filled(5, 0);
      inbox.told();
      inbox.close(5, 40);
      expect(inbox.ackAt).toBe(40);
    });

    it('what the reader took, once the other end may send half a window or less', () => {
      const inbox = filled(49, 0);
      inbox.told();
      inbox.consumed(1, 10);
      expect(inbox.ackAt).toBeUndefined();
      inbox.data(49, bytes(2), 10);
      inbox.told();
      inbox.consumed(40, 20);
      expect(inbox.ackAt).toBe(20);
    });
  });
});
