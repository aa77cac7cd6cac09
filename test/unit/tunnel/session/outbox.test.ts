/** The outbox beside a naive twin that keeps one long string. */
import { AssertionError } from 'node:assert';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Outbox } from '../../../../src/tunnel/session/outbox.ts';

const SEED = 20_261_123;

/** Keeps every byte for ever. */
class NaiveOutbox {
  text = '';
  acked = 0;
  sent = 0;

  take(most: number, limit: number): string {
    const until = Math.max(this.sent, Math.min(this.text.length, limit, this.sent + most));
    const taken = this.text.slice(this.sent, until);
    this.sent = until;
    return taken;
  }
}

type Step =
  | { readonly do: 'add'; readonly length: number }
  | { readonly do: 'ack' | 'take' | 'limited'; readonly part: number }
  | { readonly do: 'rewind' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('add' as const), length: fc.nat(9) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('ack' as const, 'take' as const, 'limited' as const),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'rewind' as const }) },
);

function take(outbox: Outbox, most: number, limit: number): string {
  const out: Buffer[] = [];
  const bytes = outbox.take(out, most, limit);
  const text = Buffer.concat(out).toString('latin1');
  expect(text).toHaveLength(bytes);
  return text;
}

describe('an outbox', () => {
  it('gives the same bytes as its naive twin, whatever is written, acknowledged and replayed', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const [outbox, naive] = [new Outbox(), new NaiveOutbox()];
        for (const one of steps) {
          if (one.do === 'add') {
            const bytes = Buffer.alloc(one.length, naive.text.length & 0xff);
            outbox.add(bytes);
            naive.text += bytes.toString('latin1');
          } else if (one.do === 'rewind') {
            outbox.rewind();
            naive.sent = naive.acked;
          } else if (one.do === 'ack') {
            naive.acked += Math.floor(one.part * (naive.text.length - naive.acked));
            naive.sent = Math.max(naive.sent, naive.acked);
            outbox.ack(naive.acked);
          } else {
            const limit =
              one.do === 'take' ? Number.MAX_SAFE_INTEGER : Math.floor(one.part * naive.text.length);
            const most = 1 + Math.floor(one.part * 20);
            expect(take(outbox, most, limit)).toBe(naive.take(most, limit));
          }
          expect([outbox.acked, outbox.sent, outbox.end]).toEqual([
            naive.acked,
            naive.sent,
            naive.text.length,
          ]);
        }
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it('gives the right bytes over thousands of chunks, half of them acknowledged, and forgets those', () => {
    const outbox = new Outbox();
    let written = 0;
    for (let round = 0; round < 40; round += 1) {
      for (let count = 0; count < 100; count += 1, written += 1) outbox.add(Buffer.of(written & 0xff));
      const from = outbox.sent;
      const text = take(outbox, 70, Number.MAX_SAFE_INTEGER);
      expect([...Buffer.from(text, 'latin1')]).toEqual(
        Array.from({ length: 70 }, (_, index) => (from + index) & 0xff),
      );
      outbox.ack(from + 50);
      if (round % 7 === 0) outbox.rewind();
      expect(outbox.chunks).toBe(written - outbox.acked);
    }
  });

  it('gives views, not copies', () => {
    const outbox = new Outbox();
    const bytes = Buffer.from('abcdef');
    outbox.add(bytes);
    const out: Buffer[] = [];
    outbox.take(out, 4, 6);
    expect(out[0]?.buffer).toBe(bytes.buffer);
    expect(out[0]?.byteOffset).toBe(bytes.byteOffset);
  });

  it('asserts that what is acknowledged was written, and was not before', () => {
    const outbox = new Outbox();
    outbox.add(Buffer.from('abc'));
    outbox.ack(2);
    expect(() => outbox.ack(1)).toThrow(AssertionError);
    expect(() => outbox.ack(4)).toThrow(AssertionError);
  });

  it('has nothing left after clear()', () => {
    const outbox = new Outbox();
    outbox.add(Buffer.from('abc'));
    outbox.clear();
    expect([outbox.chunks, take(outbox, 10, 10)]).toEqual([0, '']);
  });
});
