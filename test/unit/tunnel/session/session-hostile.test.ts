/** What an end of a session does about another that breaks the rules, and about legs that nobody can rely on. */
import { describe, expect, it } from 'vitest';
import { SESSION_WINDOW_BYTES as WINDOW } from '../../../../src/base/limits.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { OneSession } from '../../../support/one-session.ts';
import { seededRandom } from '../../../support/seeded-random.ts';
import { patternOf, SimEnd, SimLeg } from '../../../support/sim-session.ts';

/** `hello` was sent on leg 1 and acknowledged up to 3. */
function talking(): OneSession {
  const one = new OneSession();
  one.attach(2);
  one.write('hello');
  one.said(1);
  one.frame(1, { type: 'ack', offset: 3, limit: WINDOW });
  one.data(1, 0, 'abc');
  one.took();
  return one;
}

describe('the session ends with a clear error at', () => {
  const cases: readonly (readonly [string, (one: OneSession) => void, string])[] = [
    [
      'an acknowledgement of what was not sent',
      (one) => one.frame(1, { type: 'ack', offset: 6, limit: WINDOW }),
      'an acknowledgement up to 6, but only 5 bytes were sent',
    ],
    [
      'an acknowledgement of less than that leg said before',
      (one) => one.frame(1, { type: 'ack', offset: 2, limit: WINDOW }),
      'an acknowledgement of 2 after a higher one',
    ],
    [
      'a proof of what was not sent',
      (one) => one.attach(3, 6, 3),
      'proof of an attachment at 6, which is not between 3 and 5',
    ],
    [
      'a proof of less than was acknowledged when it began',
      (one) => one.attach(3, 2, 3),
      'proof of an attachment at 2, which is not between 3 and 5',
    ],
    [
      'an end in the middle',
      (one) => one.frame(1, { type: 'close', offset: 2 }),
      'an end at 2, after 3 bytes',
    ],
    [
      'bytes behind an end',
      (one) => {
        one.frame(1, { type: 'close', offset: 3 });
        one.took();
        one.data(1, 3, 'd');
      },
      'bytes after its end at 3',
    ],
    [
      'another end',
      (one) => {
        one.frame(1, { type: 'close', offset: 3 });
        one.took();
        one.frame(2, { type: 'close', offset: 4 });
      },
      'an end at 4, after 3 bytes',
    ],
    [
      'more than the reader takes',
      (one) => one.data(1, 3, Buffer.alloc(WINDOW - 2)),
      `bytes up to ${WINDOW + 1}, over the limit of ${WINDOW}`,
    ],
  ];
  it.each(cases)('%s', (_what, act, text) => {
    const one = talking();
    act(one);
    expect(one.took()).toEqual([`fail malformed: the other end of the tunnel sent ${text}`]);
    expect(one.delivered.toString()).toBe('abc');
    expect(one.session.deadline()).toBeUndefined();
    expect(one.said(1)).toEqual([]);
  });
});

describe('only the leg ends at', () => {
  it.each([
    ['a gap', (one: OneSession) => one.data(1, 4, 'e'), 'gap'],
    ['an end behind a gap', (one: OneSession) => one.frame(1, { type: 'close', offset: 4 }), 'gap'],
    [
      'a frame of the opening',
      (one: OneSession) => one.frame(1, { type: 'challenge', nonce: Buffer.alloc(32) }),
      'illegal',
    ],
    ['NEW', (one: OneSession) => one.frame(1, { type: 'new', session: Buffer.alloc(16) }), 'illegal'],
  ])('%s', (_what, act, reason) => {
    const one = talking();
    act(one);
    expect(one.took()).toEqual([`drop 1 ${reason}`, 'move 2 lost']);
    expect(one.said(2).at(-1)).toBe('data 3 lo');
  });
});

describe('the session goes on at', () => {
  it('a proof that was made before the latest acknowledgement came', () => {
    const one = talking();
    one.attach(3, 2, 2);
    expect(one.took()).toEqual([]);
    expect(one.session.acked).toBe(3);
  });

  it('a PROBE storm, and says one ECHO', () => {
    const one = talking();
    for (let token = 0n; token < 10_000n; token += 1n) one.frame(2, { type: 'probe', token });
    expect(one.said(2)).toEqual([`ack 3 ${WINDOW}`, 'echo 9999', 'probe 1']);
  });

  it('an ECHO that nobody asked for', () => {
    const one = talking();
    one.now = 1_000;
    one.frame(1, { type: 'echo', token: 77n });
    one.frame(2, { type: 'echo', token: 1n });
    expect(one.session.stats(one.now).legs.map(({ srttMs }) => srttMs)).toEqual([undefined, undefined]);
  });
});

describe('a peer that never acknowledges', () => {
  it('holds a window and no more, and loses the session once its legs are silent', () => {
    const one = new OneSession();
    let written = 0;
    while (one.session.room) {
      one.write(Buffer.alloc(100_000));
      written += 100_000;
      one.said(1);
    }
    expect(written).toBeLessThan(WINDOW + 100_000);
    expect(one.session.stats(0).unacknowledgedBytes).toBe(written);
    // It echoes, so it lives; the session neither grows nor spins.
    const before = one.session.stats(0).replayedBytes;
    for (let count = 0; count < 600; count += 1) {
      one.pass(100);
      one.answer(1);
    }
    expect(one.session.stats(one.now)).toMatchObject({ unacknowledgedBytes: written, replayedBytes: before });
    expect(one.session.state).toBe('open');
    one.pass(200_000);
    expect(one.session.state).toBe('failed');
  });
});

describe('legs that flap every 100 ms for a minute', () => {
  it('carry a transfer both ways all the same, without losing or keeping anything', () => {
    const clock = new ManualClock();
    const random = seededRandom(5);
    const limits = { windowBytes: 64 * 1_024 };
    const [there, back] = [patternOf('broker', 5_000_000), patternOf('bridge', 4_000_000)];
    const common = { clock, random, limits, largestChunk: 16_384 };
    const broker = new SimEnd({ ...common, role: 'broker', outgoing: there, incoming: back });
    const bridge = new SimEnd({ ...common, role: 'bridge', outgoing: back, incoming: there });
    const shape = { latencyMs: 5, bytesPerMs: 500, bufferBytes: 32_768 };
    let id = 0;
    const dial = (): SimLeg => {
      const leg = new SimLeg(id, broker, bridge, shape);
      broker.begin(id, id === 0);
      broker.pump();
      id += 1;
      return leg;
    };
    let leg = dial();
    for (let ms = 0; ms < 60_000; ms += 100) {
      for (const end of [broker, bridge]) for (let count = 0; count < 4; count += 1) end.write(2_000);
      clock.advance(100);
      leg.cut();
      leg = dial();
    }
    while (broker.session.state !== 'over' && clock.now() < 120_000) {
      for (const end of [broker, bridge]) end.write(16_384);
      clock.advance(10);
    }
    for (const end of [broker, bridge]) {
      expect([end.session.state, end.error, end.received]).toEqual([
        'over',
        undefined,
        end.options.incoming.length,
      ]);
      expect(end.session.deadline()).toBeUndefined();
      end.stop();
    }
    expect(broker.session.stats(0).failovers).toBeGreaterThan(500);
  });
});
