import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { infoHashFromBytes } from '../../../src/base/info-hash.ts';
import { CONNECTIONS_PER_SOURCE, PARKS_PER_INFO_HASH } from '../../../src/base/limits.ts';
import { Caps, type CapsClient, type CapsOptions } from '../../../src/relay/caps.ts';

const ONE = infoHashFromBytes(Buffer.alloc(32, 1));
const OTHER = infoHashFromBytes(Buffer.alloc(32, 2));
const HOME = '203.0.113.7';

/** Caps whose connections are numbered from 1. */
function caps(options?: CapsOptions): {
  readonly caps: Caps;
  /** Resolves to the number, or to the code of the refusal. */
  readonly enter: (client?: Partial<CapsClient>) => number | string;
} {
  const all = new Caps(options);
  let last = 0;
  return {
    caps: all,
    enter: (client = {}) => {
      last += 1;
      const refusal = all.enter({
        connection: last,
        source: HOME,
        infoHash: ONE,
        role: 'connect',
        listed: false,
        ...client,
      });
      return refusal?.code ?? last;
    },
  };
}

/** The numbers from 1 to `count`. */
function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at + 1);
}

describe('the connections of one source', () => {
  it('are 256; the 257th is one too many, until one has left', () => {
    const { caps: all, enter } = caps();
    expect(CONNECTIONS_PER_SOURCE).toBe(256);
    expect(upTo(256).map(() => enter())).toEqual(upTo(256));
    expect(enter()).toBe('tooMany');
    expect(enter({ infoHash: OTHER, role: 'park' })).toBe('tooMany');
    expect(enter({ source: '203.0.113.8' })).toBe(259);
    // Spliced: it lives on.
    all.unparked(17);
    expect(enter()).toBe('tooMany');
    all.left(17);
    expect(enter()).toBe(261);
    expect(enter()).toBe('tooMany');
  });

  it('are those of its /64, and of IPv4 in either form', () => {
    const { enter } = caps({ connectionsPerSource: 2 });
    expect(enter({ source: '2001:db8::1' })).toBe(1);
    expect(enter({ source: '2001:db8::ffff:1%eth0' })).toBe(2);
    expect(enter({ source: '2001:db8::2' })).toBe('tooMany');
    expect(enter({ source: '2001:db8:0:1::2' })).toBe(4);
    expect(enter()).toBe(5);
    expect(enter({ source: `::ffff:${HOME}` })).toBe(6);
    expect(enter()).toBe('tooMany');
  });

  it('do not count when their info_hash is listed', () => {
    const { caps: all, enter } = caps({ connectionsPerSource: 1, parksPerInfoHash: 1 });
    expect(upTo(5).map(() => enter({ listed: true, role: 'park' }))).toEqual(upTo(5));
    expect(all.size).toBe(0);
    all.left(1);
    expect(enter()).toBe(6);
    expect(enter()).toBe('tooMany');
    expect(enter({ listed: true })).toBe(8);
  });
});

describe('the parks of one info_hash', () => {
  it('are 64; the 65th is one too many, from whatever source, until one is taken', () => {
    const { caps: all, enter } = caps();
    const park = (host: number): number | string => enter({ role: 'park', source: `198.51.100.${host}` });
    expect(PARKS_PER_INFO_HASH).toBe(64);
    expect(upTo(64).map(park)).toEqual(upTo(64));
    expect(park(65)).toBe('tooMany');
    expect(enter({ role: 'park', infoHash: OTHER })).toBe(66);
    expect(enter({ role: 'connect' })).toBe(67);
    all.unparked(3);
    all.unparked(3);
    expect(park(68)).toBe(68);
    expect(park(69)).toBe('tooMany');
    all.left(3);
    expect(park(70)).toBe('tooMany');
    all.left(4);
    expect(park(71)).toBe(71);
    expect(park(72)).toBe('tooMany');
  });

  it('count for the source that was refused nothing', () => {
    const { caps: all, enter } = caps({ connectionsPerSource: 2, parksPerInfoHash: 1 });
    expect(enter({ role: 'park' })).toBe(1);
    expect(enter({ role: 'park' })).toBe('tooMany');
    expect(all.size).toBe(1);
    all.left(2);
    expect(enter()).toBe(3);
  });
});

describe('a refusal', () => {
  it('says what is too much, and what to do', () => {
    const all = new Caps({ connectionsPerSource: 1, parksPerInfoHash: 1 });
    const client = { source: HOME, infoHash: ONE, role: 'park', listed: false } as const;
    all.enter({ ...client, connection: 1 });
    expect(all.enter({ ...client, connection: 2 })?.text).toMatch(
      /this address has 1 live .* list the info_hash/,
    );
    expect(all.enter({ ...client, connection: 2, source: '192.0.2.1' })?.text).toMatch(
      /1 .* parked here for this info_hash/,
    );
  });
});

it('keeps what lists would keep', () => {
  const number = fc.nat(9);
  const step = fc.oneof(
    fc.record({
      do: fc.constant('enter' as const),
      number,
      host: fc.nat(1),
      park: fc.boolean(),
      infoHash: fc.constantFrom(ONE, OTHER),
    }),
    fc.record({ do: fc.constant('unparked' as const), number }),
    fc.record({ do: fc.constant('left' as const), number }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const all = new Caps({ connectionsPerSource: 3, parksPerInfoHash: 2 });
      let list: { connection: number; host: number; parkedFor: string | undefined }[] = [];
      for (const each of steps) {
        const known = list.find(({ connection }) => connection === each.number);
        if (each.do === 'left') {
          all.left(each.number);
          list = list.filter((one) => one !== known);
        } else if (each.do === 'unparked') {
          all.unparked(each.number);
          if (known) known.parkedFor = undefined;
        } else if (each.do === 'enter' && !known) {
          const { number: connection, host, infoHash } = each;
          const parks = list.filter(({ parkedFor }) => parkedFor === infoHash).length;
          const full = list.filter((one) => one.host === host).length >= 3 || (each.park && parks >= 2);
          const refusal = all.enter({
            connection,
            source: `192.0.2.${host}`,
            infoHash,
            role: each.park ? 'park' : 'connect',
            listed: false,
          });
          expect(refusal !== undefined).toBe(full);
          if (!full) list.push({ connection, host, parkedFor: each.park ? infoHash : undefined });
        }
        expect(all.size).toBe(list.length);
      }
    }),
    { seed: 20_260_406, numRuns: 500 },
  );
});
