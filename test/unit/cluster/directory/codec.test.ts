import { decode, encode } from 'cborg';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BeaconError } from '../../../../src/base/errors.ts';
import {
  GOSSIP_VALUE_BYTES,
  HEARTBEAT_BYTES,
  PULL_PAGE_BYTES,
  PULL_REQUEST_BYTES,
} from '../../../../src/base/limits.ts';
import {
  ADVERT_ENTRY_BYTES,
  decodeAdvert,
  decodeHeartbeat,
  decodePage,
  decodePull,
  encodeAdvert,
  encodeHeartbeat,
  encodePage,
  encodePull,
  PAGE_ENTRY_BYTES,
} from '../../../../src/cluster/directory/codec.ts';
import { advert, beat, changes, heartbeat, page } from '../../../support/directory-messages.ts';

const code = (name: string): unknown => expect.objectContaining({ code: name });
const LONGEST = Number.MAX_SAFE_INTEGER;
const NAME = 'n'.repeat(63);

/** The message with some fields replaced, or left out where undefined. */
function altered(bytes: Uint8Array, fields: Record<string, unknown>): Uint8Array {
  return encode({ ...(decode(bytes) as object), ...fields }, { ignoreUndefinedProperties: true });
}

describe('messages', () => {
  it('come back as they were sent', () => {
    const message = changes(3, 5, { 1: [2], 3: [] }, { changed: 9 });
    expect(decodeAdvert(encodeAdvert(message, message))).toEqual({
      ...message,
      packed: new Uint8Array(message.packed),
    });
    expect(decodePage(encodePage(message, message))).toEqual({
      ...message,
      packed: new Uint8Array(message.packed),
    });
    const plain = heartbeat(9, 5, { 1: [2] });
    expect(decodeHeartbeat(encodeHeartbeat(plain))).toEqual(plain);
    const telling = heartbeat(9, 5, {}, { draining: true, you: { incarnation: 4, heardMs: 12 } });
    expect(decodeHeartbeat(encodeHeartbeat(telling))).toEqual(telling);
    const pull = { node: 'a', of: 7, after: 3, begun: 2 };
    expect(decodePull(encodePull(pull))).toEqual(pull);
  });

  it('ignore fields that they do not know', () => {
    const known = decodeHeartbeat(beat(9, 5, {}));
    expect(decodeHeartbeat(altered(beat(9, 5, {}), { colour: ['red', { deep: 1 }] }))).toEqual(known);
    expect(decodeAdvert(altered(advert(0, 1, { 1: [1] }), { 7: 'x' })).upto).toBe(1);
  });

  it('of another version are refused by that name', () => {
    expect(() => decodeHeartbeat(altered(beat(9, 5, {}), { version: 2 }))).toThrow(
      code('unsupportedVersion'),
    );
    expect(() => decodeAdvert(altered(advert(0, 1, {}), { version: 0 }))).toThrow(code('unsupportedVersion'));
    expect(() => decodeAdvert(altered(advert(0, 1, {}), { version: undefined }))).toThrow(code('malformed'));
  });

  it('of one kind are not taken for another', () => {
    expect(() => decodeHeartbeat(advert(0, 1, {}))).toThrow(code('malformed'));
    expect(() => decodeAdvert(beat(9, 5, {}))).toThrow(code('malformed'));
    expect(() => decodePull(beat(9, 5, {}, { zone: '', software: '', forward: 'b:1' }))).toThrow(
      code('malformed'),
    );
  });

  it('keep their sizes with every field at its longest', () => {
    const origin = { node: NAME, incarnation: 2 ** 52 };
    const span = { after: LONGEST - 1, upto: LONGEST, changed: LONGEST };
    const full = encodeAdvert(origin, { ...span, packed: new Uint8Array(ADVERT_ENTRY_BYTES) });
    expect(full.length).toBeLessThanOrEqual(GOSSIP_VALUE_BYTES);
    const bulk = encodePage(origin, { ...span, packed: new Uint8Array(PAGE_ENTRY_BYTES) });
    expect(bulk.length).toBeLessThanOrEqual(PULL_PAGE_BYTES);
    const pull = encodePull({ node: NAME, of: 2 ** 52, after: LONGEST, begun: LONGEST });
    expect(pull.length).toBeLessThanOrEqual(PULL_REQUEST_BYTES);
    const long = encodeHeartbeat({
      ...origin,
      sequence: LONGEST,
      changed: LONGEST - 1,
      count: LONGEST,
      digest: 2n ** 64n - 1n,
      draining: true,
      load: LONGEST,
      forward: `${'d'.repeat(253)}:65535`,
      zone: NAME,
      software: 's'.repeat(64),
      you: { incarnation: 2 ** 52, heardMs: LONGEST },
    });
    expect(long.length).toBeLessThanOrEqual(HEARTBEAT_BYTES);
  });
});

describe('a gossip entry', () => {
  const padded = (bytes: number): Uint8Array => {
    const bare = altered(advert(0, 1, {}), { padding: new Uint8Array(1_000) }).length - 1_000;
    return altered(advert(0, 1, {}), { padding: new Uint8Array(bytes - bare) });
  };

  it('may have 8,192 bytes', () => {
    expect(padded(8_192)).toHaveLength(8_192);
    expect(decodeAdvert(padded(8_192)).upto).toBe(1);
  });

  it('of 8,193 bytes is errGossipValueTooLarge, on receiving and on sending', () => {
    expect(padded(8_193)).toHaveLength(8_193);
    expect(() => decodeAdvert(padded(8_193))).toThrow(code('errGossipValueTooLarge'));
    const message = changes(0, 1, {}, { packed: new Uint8Array(8_192) });
    expect(() => encodeAdvert(message, message)).toThrow(code('errGossipValueTooLarge'));
  });
});

describe('a heartbeat', () => {
  it('may have 1,024 bytes and no more', () => {
    const bare = altered(beat(9, 5, {}), { x: 'x'.repeat(500) }).length - 500;
    const padded = (bytes: number): Uint8Array => altered(beat(9, 5, {}), { x: 'x'.repeat(bytes - bare) });
    expect(padded(HEARTBEAT_BYTES)).toHaveLength(HEARTBEAT_BYTES);
    expect(decodeHeartbeat(padded(HEARTBEAT_BYTES)).sequence).toBe(9);
    expect(() => decodeHeartbeat(padded(HEARTBEAT_BYTES + 1))).toThrow(code('malformed'));
  });
});

describe('what contradicts itself', () => {
  it.each([
    ['a message that goes back', () => decodeAdvert(advert(5, 4, {}))],
    ['more than was ever changed', () => decodeAdvert(advert(4, 6, {}, { changed: 5 }))],
    ['a page that leads nowhere', () => decodePage(page(4, 4, {}, { changed: 5 }))],
    ['half an entry', () => decodeAdvert(advert(4, 5, {}, { packed: new Uint8Array(20) }))],
    ['a name of a blank', () => decodeAdvert(advert(4, 5, {}, { node: ' ' }))],
    [
      'an incarnation that leaves no room above',
      () => decodeAdvert(advert(4, 5, {}, { incarnation: 2 ** 52 + 1 })),
    ],
    ['a change that comes after its heartbeat', () => decodeHeartbeat(beat(5, 5, {}))],
    ['a heartbeat without an address', () => decodeHeartbeat(beat(9, 5, {}, { forward: '' }))],
    ['hearsay from nowhere', () => decodeHeartbeat(altered(beat(9, 5, {}), { yourIncarnation: 4 }))],
    [
      'an oversize heartbeat',
      () => decodeHeartbeat(altered(beat(9, 5, {}), { x: 'x'.repeat(HEARTBEAT_BYTES) })),
    ],
    ['an oversize page', () => decodePage(new Uint8Array(PULL_PAGE_BYTES + 1))],
    ['an oversize request', () => decodePull(new Uint8Array(PULL_REQUEST_BYTES + 1))],
  ])('%s is malformed', (_, read) => {
    expect(read).toThrow(code('malformed'));
  });
});

describe('garbage', () => {
  const decoders = [decodeAdvert, decodePage, decodeHeartbeat, decodePull];
  const sound = [
    advert(0, 3, { 1: [1], 2: [2, 3] }),
    beat(9, 5, { 1: [1] }, { you: { incarnation: 3, heardMs: 4 } }),
    encodePull({ node: 'a', of: 7, after: 3, begun: 2 }),
  ];

  it('of any kind is refused with a code of ours', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.anything().map((value) => {
        try {
          return encode(value);
        } catch {
          return new Uint8Array([0xff]);
        }
      }),
      // A sound message with a few bytes turned over or its end cut off.
      fc
        .tuple(
          fc.constantFrom(...sound),
          fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
          fc.nat(400),
        )
        .map(([message, flips, length]) => {
          const copy = Uint8Array.from(message);
          for (const [at, value] of flips) copy[at % copy.length] = value;
          return copy.subarray(0, length);
        }),
    );
    fc.assert(
      fc.property(bytes, fc.constantFrom(...decoders), (input, decoder) => {
        try {
          decoder(input);
        } catch (error) {
          expect(error).toBeInstanceOf(BeaconError);
        }
      }),
      { seed: 5, numRuns: 4_000 },
    );
  });
});
