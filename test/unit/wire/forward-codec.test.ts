import { AssertionError } from 'node:assert';
import { describe, expect, it } from 'vitest';
import { BeaconError } from '../../../src/base/errors.ts';
import {
  encodeHolderFrame,
  encodeOriginFrame,
  holderFrames,
  originFrames,
} from '../../../src/wire/forward-codec.ts';
import type { Forward, OriginFrame } from '../../../src/wire/forward-frames.ts';
import { fuzzWire } from '../../support/codec-checks.ts';
import { FORWARD_DIRECTIONS } from '../../support/forward-frames.ts';
import { HOLDER_GOLDEN, ORIGIN_GOLDEN } from '../../support/golden-forward-frames.ts';
import { goldenBytes } from '../../support/golden-frames.ts';

const SEED = 20_260_103;
const CASES = 40_000;

const forward: Forward = {
  type: 'forward',
  version: 1,
  infoHash: Buffer.alloc(32, 1),
  pairId: Buffer.alloc(16, 2),
  hops: 1,
  origin: 'a',
  wanted: undefined,
  except: [],
  timeLeftMs: 0,
};

function decodeFirst(hex: string): OriginFrame | undefined {
  const decoder = originFrames();
  decoder.push(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  return decoder.next();
}

describe('golden bytes', () => {
  it.each(Object.values(ORIGIN_GOLDEN).flat())('of an origin: $frame.type $hex', (golden) => {
    expect(encodeOriginFrame(golden.frame)).toEqual(goldenBytes(golden));
    const decoder = originFrames();
    decoder.push(goldenBytes(golden));
    expect([decoder.next(), decoder.next()]).toEqual([golden.frame, undefined]);
  });

  it.each(Object.values(HOLDER_GOLDEN).flat())('of a holder: $frame.type $hex', (golden) => {
    expect(encodeHolderFrame(golden.frame)).toEqual(goldenBytes(golden));
    const decoder = holderFrames();
    decoder.push(goldenBytes(golden));
    expect([decoder.next(), decoder.next()]).toEqual([golden.frame, undefined]);
  });
});

describe('any bytes', () => {
  it(`decode as the naive twin says: every cut, truncation and bit flip, seed ${SEED}`, () => {
    expect(fuzzWire(SEED, CASES, FORWARD_DIRECTIONS)).toBeGreaterThanOrEqual(CASES);
  }, 60_000);
});

describe('FORWARD', () => {
  it('fits into a frame with every field at its longest', () => {
    const largest = encodeOriginFrame({
      ...forward,
      origin: 'n'.repeat(63),
      wanted: Buffer.alloc(16),
      except: Array.from({ length: 8 }, () => Buffer.alloc(16)),
    });
    expect(largest).toHaveLength(277);
  });

  const broken: Record<string, Partial<Forward>> = {
    'another version': { version: 2 },
    'a hash of 31 bytes': { infoHash: Buffer.alloc(31) },
    'a pair id of 17 bytes': { pairId: Buffer.alloc(17) },
    '256 hops': { hops: 256 },
    'no origin': { origin: '' },
    'a wanted instance of 15 bytes': { wanted: Buffer.alloc(15) },
    'nine instances in except': { except: Array.from({ length: 9 }, () => Buffer.alloc(16)) },
    'a time below 0': { timeLeftMs: -1 },
  };
  it.each(Object.entries(broken))('with %s is asserted', (_, change) => {
    expect(() => encodeOriginFrame({ ...forward, ...change })).toThrow(AssertionError);
  });

  it('of another version is not supported, whatever follows', () => {
    expect(() => decodeFirst('0002 01 02')).toThrow(
      expect.objectContaining({
        code: 'unsupportedVersion',
        message: expect.stringMatching(/version is 2, /),
      }),
    );
  });

  it('carries any number of hops: who may send how many is not for the codec', () => {
    expect(encodeOriginFrame({ ...forward, hops: 2 })[54]).toBe(2);
  });
});

describe('the two directions', () => {
  it('are told apart', () => {
    expect(() => decodeFirst('0001 11')).toThrow(
      new BeaconError('malformed', 'QUEUED came from an origin; only a holder sends it'),
    );
    const decoder = holderFrames();
    decoder.push(encodeOriginFrame({ type: 'take' }));
    expect(() => decoder.next()).toThrow('TAKE came from a holder; only an origin sends it');
    expect(() => encodeOriginFrame({ type: 'ready' } as unknown as OriginFrame)).toThrow(
      'READY is not sent by an origin',
    );
  });

  it('do not know the frames of beacon/1', () => {
    expect(() => decodeFirst('0005 21 00000007')).toThrow('a frame has the unknown type 0x21');
  });
});
