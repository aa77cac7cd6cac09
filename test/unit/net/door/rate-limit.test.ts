import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RATE_CONNECTIONS, RATE_SOURCES, RATE_TOLD, RATE_WINDOW_MS } from '../../../../src/base/limits.ts';
import { RateLimit, type RateVerdict } from '../../../../src/net/door/rate-limit.ts';
import { NaiveRateLimit } from '../../../support/naive-rate-limit.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

/** Drawn once: it takes a millisecond. */
const DRAWN = seededRandom(1).bytes(10_240);
const RANDOM = { ...seededRandom(1), bytes: (count: number) => DRAWN.subarray(0, count) };

const HOME = '203.0.113.7';

type Seen = Record<RateVerdict['verdict'], number>;

/** The verdicts of `count` connections at one moment, counted. */
function knock(limit: RateLimit, address: string, count: number, now: number): Seen {
  const seen = { enter: 0, tell: 0, close: 0 };
  for (let each = 0; each < count; each += 1) seen[limit.take(address, now).verdict] += 1;
  return seen;
}

/** Four bytes of a number as an IPv4 address. */
function ipv4(number: number): string {
  return [number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255].join('.');
}

describe('the limit of the product', () => {
  it('is 100 in any 60 s, and as many that are told', () => {
    expect([RATE_CONNECTIONS, RATE_TOLD, RATE_WINDOW_MS, RATE_SOURCES]).toEqual([100, 100, 60_000, 10_000]);
  });

  it('lets the 100th connection enter and tells the 101st, in the first minute as in any', () => {
    for (const start of [0, 1, 59_999, 10_000_000]) {
      const limit = new RateLimit({}, RANDOM);
      expect(knock(limit, HOME, 99, start).enter).toBe(99);
      expect(limit.take(HOME, start)).toEqual({ verdict: 'enter', token: start });
      expect(limit.take(HOME, start)).toEqual({ verdict: 'tell', retryAfterMs: 60_000 });
    }
  });

  it('tells the 200th and closes the 201st', () => {
    const limit = new RateLimit({}, RANDOM);
    expect(knock(limit, HOME, 200, 5)).toEqual({ enter: 100, tell: 100, close: 0 });
    expect(limit.take(HOME, 5)).toEqual({ verdict: 'close' });
    expect(limit.counts).toEqual({ entered: 100, told: 100, closed: 1, givenBack: 0, evicted: 0, size: 1 });
  });

  it('ends exactly 60,000 ms after the first of the 100', () => {
    const limit = new RateLimit({}, RANDOM);
    limit.take(HOME, 1_000);
    knock(limit, HOME, 99, 2_000);
    expect(limit.take(HOME, 60_999)).toEqual({ verdict: 'tell', retryAfterMs: 1 });
    expect(limit.take(HOME, 60_999.9)).toEqual({ verdict: 'tell', retryAfterMs: 1 });
    expect(limit.take(HOME, 61_000).verdict).toBe('enter');
    expect(limit.take(HOME, 61_000)).toEqual({ verdict: 'tell', retryAfterMs: 1_000 });
    expect(knock(limit, HOME, 100, 62_000)).toEqual({ enter: 99, tell: 1, close: 0 });
  });

  it('slides: no 60 s have more than 100, wherever they begin', () => {
    const limit = new RateLimit({}, RANDOM);
    const entered: number[] = [];
    for (let now = 0; now < 300_000; now += 97.3) {
      if (limit.take(HOME, now).verdict === 'enter') entered.push(now);
    }
    expect(entered.length).toBeGreaterThanOrEqual(500);
    for (const [at, start] of entered.entries()) {
      const next = entered[at + 100];
      if (next !== undefined) expect(next - start).toBeGreaterThanOrEqual(60_000);
    }
  });

  it('names the true wait, within the millisecond, at any fraction of one', () => {
    const limit = new RateLimit({}, RANDOM);
    knock(limit, HOME, 100, 10.25);
    const told = limit.take(HOME, 20_000.75);
    expect(told).toEqual({ verdict: 'tell', retryAfterMs: 40_011 });
    expect(limit.take(HOME, 20_000.75 + 40_009.5).verdict).toBe('tell');
    expect(limit.take(HOME, 20_000.75 + 40_011).verdict).toBe('enter');
  });

  it('does not count those that were refused', () => {
    const limit = new RateLimit({}, RANDOM);
    knock(limit, HOME, 100, 0);
    for (let now = 1_000; now < 60_000; now += 100) knock(limit, HOME, 1, now);
    expect(knock(limit, HOME, 101, 60_000)).toEqual({ enter: 100, tell: 0, close: 1 });
    // The first of those that were told was told at 1,000.
    expect(limit.take(HOME, 60_999).verdict).toBe('close');
    expect(limit.take(HOME, 61_000).verdict).toBe('tell');
  });

  it('is one for IPv4 and IPv4-mapped IPv6', () => {
    const limit = new RateLimit({}, RANDOM);
    expect(knock(limit, HOME, 60, 0).enter).toBe(60);
    expect(knock(limit, `::ffff:${HOME}`, 60, 0)).toEqual({ enter: 40, tell: 20, close: 0 });
    expect(limit.counts.size).toBe(1);
    expect(limit.take('203.0.113.8', 0).verdict).toBe('enter');
  });

  it('holds after 50 days, when 32 bits of milliseconds begin anew', () => {
    const limit = new RateLimit({}, RANDOM);
    const day50 = 2 ** 32;
    knock(limit, HOME, 100, 0);
    expect(knock(limit, HOME, 1, day50 + 1)).toMatchObject({ enter: 1 });
    knock(limit, '198.51.100.1', 100, day50 - 30_000.5);
    expect(limit.take('198.51.100.1', day50 + 29_999)).toEqual({ verdict: 'tell', retryAfterMs: 1 });
    expect(limit.take('198.51.100.1', day50 + 30_000).verdict).toBe('enter');
  });
});

describe('IPv6', () => {
  it('is limited by /64', () => {
    const limit = new RateLimit({}, RANDOM);
    expect(knock(limit, '2001:db8:0:1::1', 50, 0).enter).toBe(50);
    expect(knock(limit, '2001:db8:0:1:abcd::2', 51, 0)).toEqual({ enter: 50, tell: 1, close: 0 });
    expect(limit.take('2001:db8:0:2::1', 0).verdict).toBe('enter');
  });

  it('enters 500 times from a /56 and 2,000 times from a /48', () => {
    const limit = new RateLimit({}, RANDOM);
    const from = (net: number): Seen => knock(limit, `2001:db8:1:${net.toString(16)}::1`, 100, 0);
    for (let net = 0; net < 5; net += 1) expect(from(net).enter).toBe(100);
    expect(from(5)).toEqual({ enter: 0, tell: 100, close: 0 });
    for (let net = 0x100; net < 0x10f; net += 1) {
      // Three /56s with five /64s each.
      expect(from((net & 0xf) * 0x100 + 0x100).enter).toBe(100);
    }
    expect(from(0xff00)).toEqual({ enter: 0, tell: 100, close: 0 });
    expect(knock(limit, '2001:db8:2::1', 100, 0).enter).toBe(100);
    // Of the 65,536 sources of a /48, no more are told than 20 are.
    let told = 200;
    for (let net = 0x2000; net < 0x4000; net += 0x100) told += from(net).tell;
    expect(told).toBe(2_000);
  });

  it('waits until /64, /56 and /48 have room', () => {
    const limit = new RateLimit({ connections: 1, told: 9, share56: 2, share48: 3 }, RANDOM);
    expect(limit.take('2001:db8:1:100::1', 0).verdict).toBe('enter');
    expect(limit.take('2001:db8:1:101::1', 1_000).verdict).toBe('enter');
    expect(limit.take('2001:db8:1:200::1', 2_000).verdict).toBe('enter');
    expect(limit.take('2001:db8:1:300::1', 3_000)).toEqual({ verdict: 'tell', retryAfterMs: 57_000 });
    expect(limit.take('2001:db8:1:101::1', 4_000)).toEqual({ verdict: 'tell', retryAfterMs: 57_000 });
    expect(limit.take('2001:db8:1:101::1', 60_000).verdict).toBe('tell');
    expect(limit.take('2001:db8:1:300::1', 60_000).verdict).toBe('enter');
    expect(limit.take('2001:db8:1:101::1', 61_000).verdict).toBe('enter');
  });

  it('that is closed does not push others out', () => {
    const limit = new RateLimit(
      {
        connections: 1,
        told: 1,
        share56: 1,
        share48: 1,
        sources: 5,
      },
      RANDOM,
    );
    limit.take(HOME, 0);
    limit.take('2001:db8::1', 0);
    limit.take('2001:db8::1', 0);
    for (let net = 1; net < 100; net += 1) {
      expect(limit.take(`2001:db8:0:${net.toString(16)}::1`, 0).verdict).toBe('close');
    }
    expect(limit.counts).toMatchObject({ size: 4, evicted: 0 });
    expect(limit.take(HOME, 0).verdict).toBe('tell');
  });
});

describe('a token that is given back', () => {
  it('makes room in the /64, the /56 and the /48', () => {
    const limit = new RateLimit({ connections: 1, share56: 1, share48: 1 }, RANDOM);
    const first = limit.take('2001:db8::1', 0.5);
    expect(first).toEqual({ verdict: 'enter', token: 1 });
    limit.giveBack('2001:db8::2', 1);
    expect(limit.counts).toMatchObject({ entered: 1, givenBack: 1 });
    expect(limit.take('2001:db8:0:1::1', 2).verdict).toBe('enter');
    expect(limit.take('2001:db8::1', 3).verdict).toBe('tell');
  });

  it('is that of the connection, not the oldest one', () => {
    const limit = new RateLimit({}, RANDOM);
    knock(limit, HOME, 50, 0);
    knock(limit, HOME, 50, 10_000);
    limit.giveBack(HOME, 10_000);
    expect(knock(limit, HOME, 2, 20_000)).toEqual({ enter: 1, tell: 1, close: 0 });
    expect(knock(limit, HOME, 51, 60_000)).toEqual({ enter: 50, tell: 1, close: 0 });
    expect(knock(limit, HOME, 50, 70_000)).toEqual({ enter: 49, tell: 1, close: 0 });
  });

  it('lets a client enter for ever', () => {
    const limit = new RateLimit({}, RANDOM);
    for (let each = 0; each < 1_000; each += 1) {
      const verdict = limit.take(HOME, each);
      expect(verdict.verdict).toBe('enter');
      if (verdict.verdict === 'enter') limit.giveBack(HOME, verdict.token);
    }
  });

  it('does no harm when it is unknown, or of a source that was forgotten', () => {
    const limit = new RateLimit({ sources: 3 }, RANDOM);
    knock(limit, HOME, 100, 1_000);
    limit.giveBack(HOME, 999);
    limit.giveBack('198.51.100.1', 1_000);
    expect(limit.take(HOME, 1_000).verdict).toBe('tell');
    limit.take('2001:db8::1', 1_000);
    limit.giveBack(HOME, 1_000);
    expect(limit.counts).toMatchObject({ size: 3, givenBack: 0 });
  });

  it('does no harm when its window has passed, nor 50 days after that', () => {
    const limit = new RateLimit({ connections: 1 }, RANDOM);
    limit.take(HOME, 7);
    limit.take(HOME, 60_007);
    limit.giveBack(HOME, 7);
    expect(limit.take(HOME, 60_008).verdict).toBe('tell');
    limit.take(HOME, 2 ** 32 + 7);
    limit.giveBack(HOME, 7);
    expect(limit.take(HOME, 2 ** 32 + 8).verdict).toBe('tell');
    expect(limit.counts.givenBack).toBe(0);
  });
});

describe('what is remembered', () => {
  it('is 10,000 sources; the 10,001st takes the place of the one seen least recently', () => {
    const limit = new RateLimit({}, RANDOM);
    for (let each = 0; each < RATE_SOURCES; each += 1) knock(limit, ipv4(each), each < 3 ? 100 : 1, 1);
    expect(limit.counts).toMatchObject({ size: RATE_SOURCES, evicted: 0 });
    // A refused one counts as seen.
    expect(limit.take(ipv4(0), 10).verdict).toBe('tell');
    expect(limit.take(ipv4(RATE_SOURCES), 10).verdict).toBe('enter');
    expect(limit.counts).toMatchObject({ size: RATE_SOURCES, evicted: 1 });
    expect(limit.take(ipv4(2), 10).verdict).toBe('tell');
    expect(limit.take(ipv4(0), 10).verdict).toBe('tell');
    expect(limit.take(ipv4(1), 10).verdict).toBe('enter');
  });

  it('has room for every source at its limit, told as often as it may be', () => {
    const sources = 200;
    const limit = new RateLimit({ sources }, RANDOM);
    // In four parts, so that a part of each window leaves at a time.
    for (let now = 0; now < 600_000; now += 15_000) {
      for (let each = 0; each < sources; each += 1) knock(limit, ipv4(each), now < 45_000 ? 25 : 50, now);
    }
    expect(limit.counts).toMatchObject({ size: sources, evicted: 0 });
    expect(limit.counts.told).toBeGreaterThan(900 * sources);
  });

  it('forgets nobody for a time that still fits', () => {
    const limit = new RateLimit({ connections: 8, told: 8, sources: 3, share56: 1, share48: 1 }, RANDOM);
    for (const host of [1, 2, 3]) {
      limit.take(ipv4(host), 0);
      knock(limit, ipv4(host), 15, 10);
    }
    for (const host of [1, 2, 3]) expect(limit.take(ipv4(host), RATE_WINDOW_MS).verdict).toBe('enter');
    expect(limit.counts).toMatchObject({ size: 3, evicted: 0 });
  });

  it('gives way to a /48 that uses all it has, and is right about that one', () => {
    const limit = new RateLimit({ connections: 7, told: 7, sources: 200 }, RANDOM);
    for (let net = 0; net < 50; net += 1) knock(limit, ipv4(net), 14, 0);
    for (let prefix = 0; prefix < 20; prefix += 1) {
      let entered = 0;
      for (let net = 0; net < 40; net += 1) {
        entered += knock(limit, `2001:db8:${prefix}:${(net * 0x40).toString(16)}::1`, 14, 1).enter;
      }
      expect(entered).toBe(7 * 20);
    }
    expect(limit.counts.size).toBeLessThan(200);
    expect(limit.counts.evicted).toBeGreaterThan(0);
    expect(limit.take('2001:db8:13:ffff::1', 1).verdict).toBe('close');
  });
});

describe('the limit and its twin', () => {
  const HOSTS = [
    ...[1, 2, 3].map((host) => ({ address: ipv4(host), names: [`v4 ${host}`] })),
    ...[0x100, 0x101, 0x102, 0x200, 0x300].map((net) => ({
      address: `2001:db8:0:${net.toString(16)}::${net}`,
      names: [`64 ${net}`, `56 ${net >> 8}`, '48'],
    })),
  ];
  const step = fc.record({
    host: fc.nat(HOSTS.length - 1),
    // In quarters of a millisecond: often none, seldom a large part of the window.
    pause: fc.oneof(fc.constant(0), fc.nat(40), fc.nat(400)),
    times: fc.integer({ min: 1, max: 6 }),
    giveBack: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.nat(5)),
  });
  const limits = {
    connections: fc.integer({ min: 1, max: 9 }),
    told: fc.integer({ min: 1, max: 9 }),
    windowMs: fc.integer({ min: 10, max: 100 }),
  };
  const options = fc.oneof(
    fc.record({
      ...limits,
      sources: fc.constant(1_000),
      share56: fc.integer({ min: 1, max: 2 }),
      share48: fc.integer({ min: 1, max: 4 }),
    }),
    // Few sources have little memory, which wider networks with more stamps could fill: the twin knows nothing of that.
    fc.record({
      ...limits,
      sources: fc.integer({ min: 3, max: 8 }),
      share56: fc.constant(1),
      share48: fc.constant(1),
    }),
  );

  it('agree', () => {
    fc.assert(
      fc.property(options, fc.array(step, { maxLength: 150 }), fc.boolean(), (limits, steps, late) => {
        const limit = new RateLimit(limits, RANDOM);
        const twin = new NaiveRateLimit(limits);
        let now = late ? 2 ** 32 - 300 : 0;
        const tokens: { address: string; names: readonly string[]; token: number }[] = [];
        for (const { host, pause, times, giveBack } of steps) {
          const { address, names } = HOSTS[host] ?? { address: '', names: [] };
          now += pause / 4;
          for (let each = 0; each < times; each += 1) {
            const verdict = limit.take(address, now);
            if (verdict.verdict === 'enter') tokens.push({ address, names, token: verdict.token });
            const expected = twin.take(names, now);
            expect(verdict).toEqual(
              verdict.verdict === 'enter' ? { ...expected, token: Math.ceil(now) } : expected,
            );
          }
          const back = giveBack === undefined ? undefined : tokens.splice(-giveBack, 1)[0];
          if (back) {
            limit.giveBack(back.address, back.token);
            twin.giveBack(back.names, back.token);
          }
          expect(limit.counts).toMatchObject({ size: twin.size, evicted: twin.evicted });
        }
      }),
      { seed: 20_260_405, numRuns: 800 },
    );
  });
});
