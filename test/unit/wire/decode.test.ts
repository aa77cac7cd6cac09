import { AssertionError } from 'node:assert';
import { describe, expect, it } from 'vitest';
import { BeaconError } from '../../../src/base/errors.ts';
import { FRAME_BYTES } from '../../../src/base/limits.ts';
import { clientFrames, relayFrames } from '../../../src/wire/decode.ts';
import { encodeClientFrame } from '../../../src/wire/encode.ts';
import { fuzzWire } from '../../support/codec-checks.ts';
import { BEACON_DIRECTIONS } from '../../support/frames.ts';
import { CLIENT_GOLDEN, goldenBytes, RELAY_GOLDEN } from '../../support/golden-frames.ts';

const SEED = 20_260_101;
const CASES = 100_000;

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const PING_7 = bytes('0005 21 00000007');

/** The first frame that a client's bytes hold. */
function decodeFirst(input: Buffer) {
  const decoder = clientFrames();
  decoder.push(input);
  return decoder.next();
}

function errorOf(act: () => unknown): BeaconError {
  try {
    act();
  } catch (error) {
    if (error instanceof BeaconError) return error;
    throw error;
  }
  return expect.unreachable('nothing was thrown');
}

describe('golden bytes', () => {
  it.each(Object.values(CLIENT_GOLDEN).flat())('of a client: $frame.type $hex', (golden) => {
    expect(decodeFirst(goldenBytes(golden))).toEqual(golden.frame);
  });

  it.each(Object.values(RELAY_GOLDEN).flat())('of a relay: $frame.type $hex', (golden) => {
    const decoder = relayFrames();
    decoder.push(goldenBytes(golden));
    expect(decoder.next()).toEqual(golden.frame);
    expect(decoder.next()).toBeUndefined();
  });
});

describe('any bytes', () => {
  it(`decode as the naive twin says: every cut, truncation and bit flip, seed ${SEED}`, () => {
    expect(fuzzWire(SEED, CASES, BEACON_DIRECTIONS)).toBeGreaterThanOrEqual(CASES);
  }, 60_000);
});

describe('length', () => {
  it('over the limit fails as soon as its two bytes are here', () => {
    const decoder = clientFrames();
    decoder.push(bytes('03'));
    expect(decoder.next()).toBeUndefined();
    decoder.push(bytes('ff'));
    const error = errorOf(() => decoder.next());
    expect(error).toMatchObject({
      code: 'malformed',
      message: 'a frame is 1025 bytes long, at most 1024 are allowed',
    });
  });

  it('at the limit passes', () => {
    const frame = Buffer.concat([bytes('03fe 21 00000007'), Buffer.alloc(FRAME_BYTES - 7)]);
    expect(frame).toHaveLength(FRAME_BYTES);
    expect(decodeFirst(frame)).toEqual({ type: 'ping', token: 7 });
  });

  it('0 fails: a frame without a type', () => {
    expect(errorOf(() => decodeFirst(bytes('0000')))).toMatchObject({ code: 'malformed' });
  });

  it('of plain HTTP fails at once', () => {
    expect(errorOf(() => decodeFirst(Buffer.from('GET / HTTP/1.1\r\n')))).toMatchObject({
      code: 'malformed',
    });
  });
});

describe('types', () => {
  it('from 0x80 on are skipped, others are malformed', () => {
    expect(decodeFirst(Buffer.concat([bytes('0001 80 0003 ff aaaa'), PING_7]))).toEqual({
      type: 'ping',
      token: 7,
    });
    expect(errorOf(() => decodeFirst(bytes('0001 7f')))).toMatchObject({
      code: 'malformed',
      message: 'a frame has the unknown type 0x7f',
    });
  });

  it('of the other direction are malformed', () => {
    expect(errorOf(() => decodeFirst(bytes('0001 13'))).message).toBe(
      'WAITING came from a client; only a relay sends it',
    );
    const decoder = relayFrames();
    decoder.push(goldenBytes(CLIENT_GOLDEN.accept[0] ?? expect.unreachable()));
    expect(errorOf(() => decoder.next()).message).toBe('ACCEPT came from a relay; only a client sends it');
  });

  it('skipped ones keep the limit too', () => {
    expect(errorOf(() => decodeFirst(bytes('03ff 80')))).toMatchObject({ code: 'malformed' });
  });
});

describe('HELLO', () => {
  it.each([
    ['00', '01'],
    ['02', '01'],
    ['ff', '01'],
    ['01', '00'],
    ['01', '03'],
    ['01', 'ff'],
  ])('version 0x%s with role 0x%s is not supported, whatever follows', (version, role) => {
    const error = errorOf(() => decodeFirst(bytes(`0003 01 ${version} ${role}`)));
    expect(error.code).toBe('unsupportedVersion');
  });

  it('says version and role in its errors', () => {
    expect(errorOf(() => decodeFirst(bytes('0002 01 09'))).message).toMatch(/^HELLO: version is 9, /);
    expect(errorOf(() => decodeFirst(bytes('0003 01 01 03'))).message).toMatch(/^HELLO: role is 3, /);
  });

  it.each([31, 33])('shows an info_hash of %i bytes', (length) => {
    const payload = Buffer.concat([bytes('01 01 01'), Buffer.from([length]), Buffer.alloc(100)]);
    const error = errorOf(() => decodeFirst(Buffer.concat([bytes('0068'), payload])));
    expect(error).toMatchObject({
      code: 'malformed',
      message: `HELLO: infoHash is ${length} bytes long, must be 32`,
    });
  });

  it('owns the memory of what it holds', () => {
    const [golden] = CLIENT_GOLDEN.hello;
    const chunk = goldenBytes(golden ?? expect.unreachable());
    const hello = decodeFirst(chunk);
    chunk.fill(0);
    expect(hello).toEqual(golden?.frame);
    expect(hello?.type === 'hello' && hello.instance.buffer.byteLength).toBe(16);
  });
});

describe('REFUSED', () => {
  it('with a number that is not known means internal', () => {
    const decoder = relayFrames();
    decoder.push(bytes('0008 17 0e 00000005 0000'));
    expect(decoder.next()).toEqual({ type: 'refused', code: 'internal', retryAfterMs: 5, text: '' });
  });
});

describe('the switch to opaque bytes', () => {
  const accept = encodeClientFrame({ type: 'accept', pairId: Buffer.alloc(16, 9) });
  const opaque = Buffer.from('0005 looks like no frame');

  it('leaves every byte after the last frame taken, in memory of its own', () => {
    const chunk = Buffer.concat([PING_7, accept, opaque]);
    const decoder = clientFrames();
    decoder.push(chunk);
    expect(decoder.next()).toMatchObject({ type: 'ping' });
    expect(decoder.next()).toMatchObject({ type: 'accept' });
    const rest = decoder.takeRest();
    chunk.fill(0);
    expect(rest).toEqual(opaque);
    expect(rest.buffer.byteLength).toBe(opaque.length);
  });

  it('loses nothing wherever the bytes are cut', () => {
    const whole = Buffer.concat([accept, PING_7, opaque]);
    for (let at = 0; at <= whole.length; at += 1) {
      const decoder = clientFrames();
      const got: Buffer[] = [];
      let switched = false;
      for (const chunk of [whole.subarray(0, at), whole.subarray(at)]) {
        if (switched) got.push(chunk);
        else {
          decoder.push(chunk);
          switched = decoder.next()?.type === 'accept';
          if (switched) got.push(decoder.takeRest());
        }
      }
      expect(Buffer.concat(got)).toEqual(Buffer.concat([PING_7, opaque]));
    }
  });

  it('ends the decoder', () => {
    const decoder = clientFrames();
    expect(decoder.takeRest()).toHaveLength(0);
    expect(() => decoder.next()).toThrow(AssertionError);
    expect(() => decoder.push(PING_7)).toThrow(AssertionError);
    expect(() => decoder.takeRest()).toThrow(AssertionError);
  });
});

describe('a decoder', () => {
  it('throws the same error again, and takes no more', () => {
    const decoder = clientFrames();
    decoder.push(Buffer.concat([bytes('0001 13'), PING_7]));
    const first = errorOf(() => decoder.next());
    expect(errorOf(() => decoder.next())).toBe(first);
    expect(errorOf(() => decoder.push(PING_7))).toBe(first);
    expect(errorOf(() => decoder.takeRest())).toBe(first);
  });

  it('is given bytes only when it has asked for them', () => {
    const decoder = clientFrames();
    decoder.push(PING_7);
    expect(decoder.next()).toEqual({ type: 'ping', token: 7 });
    expect(() => decoder.push(PING_7)).toThrow(AssertionError);
    expect(decoder.next()).toBeUndefined();
    decoder.push(PING_7);
    expect(decoder.next()).toEqual({ type: 'ping', token: 7 });
  });

  it('does not look at a chunk again once it asked for more', () => {
    const decoder = clientFrames();
    const chunk = Buffer.concat([PING_7, PING_7.subarray(0, 4)]);
    decoder.push(chunk);
    decoder.next();
    expect(decoder.next()).toBeUndefined();
    chunk.fill(0xff);
    decoder.push(PING_7.subarray(4));
    expect(decoder.next()).toEqual({ type: 'ping', token: 7 });
  });
});
