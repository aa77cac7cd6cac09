import { AssertionError } from 'node:assert';
import { describe, expect, it } from 'vitest';
import { FRAME_BYTES } from '../../../src/base/limits.ts';
import { encodeClientFrame, encodeRelayFrame } from '../../../src/wire/encode.ts';
import type { ClientFrame, Hello, Refused } from '../../../src/wire/frames.ts';
import { CLIENT_GOLDEN, goldenBytes, RELAY_GOLDEN } from '../../support/golden-frames.ts';

const hello: Hello = {
  type: 'hello',
  version: 1,
  role: 'connect',
  infoHash: Buffer.alloc(32, 1),
  instance: Buffer.alloc(16, 2),
  software: 'test',
  wanted: undefined,
  except: [],
  avoid: [],
};

describe('golden bytes', () => {
  it.each(Object.values(CLIENT_GOLDEN).flat())('of a client: $frame.type $hex', (golden) => {
    expect(encodeClientFrame(golden.frame)).toEqual(goldenBytes(golden));
  });

  it.each(Object.values(RELAY_GOLDEN).flat())('of a relay: $frame.type $hex', (golden) => {
    expect(encodeRelayFrame(golden.frame)).toEqual(goldenBytes(golden));
  });
});

describe('limits', () => {
  it('fit into a frame all together', () => {
    const largest = encodeClientFrame({
      ...hello,
      software: 's'.repeat(64),
      wanted: Buffer.alloc(16),
      except: Array.from({ length: 8 }, () => Buffer.alloc(16)),
      avoid: Array.from({ length: 4 }, () => 'n'.repeat(63)),
    });
    expect(largest).toHaveLength(531);
    const refused: Refused = {
      type: 'refused',
      code: 'internal',
      retryAfterMs: 2 ** 32 - 1,
      text: 'x'.repeat(512),
    };
    expect(encodeRelayFrame(refused).length).toBeLessThan(FRAME_BYTES);
  });

  it('cut software and the text of REFUSED before the character that is too much', () => {
    expect(encodeClientFrame({ ...hello, software: 's'.repeat(63) + 'é' })).toEqual(
      encodeClientFrame({ ...hello, software: 's'.repeat(63) }),
    );
    const refused: Refused = { type: 'refused', code: 'timeout', retryAfterMs: 0, text: 'x'.repeat(511) };
    expect(encodeRelayFrame({ ...refused, text: refused.text + '€uro' })).toEqual(encodeRelayFrame(refused));
  });

  const broken: Record<string, Partial<Hello>> = {
    'another version': { version: 2 },
    'a hash of 31 bytes': { infoHash: Buffer.alloc(31) },
    'a hash of 33 bytes': { infoHash: Buffer.alloc(33) },
    'an instance of 15 bytes': { instance: Buffer.alloc(15) },
    'a wanted instance of 17 bytes': { wanted: Buffer.alloc(17) },
    'nine instances in except': { except: Array.from({ length: 9 }, () => Buffer.alloc(16)) },
    'five nodes in avoid': { avoid: ['a', 'b', 'c', 'd', 'e'] },
    'a node name with a blank': { avoid: ['a b'] },
    'wanted while parking': { role: 'park', wanted: Buffer.alloc(16) },
    'except while parking': { role: 'park', except: [Buffer.alloc(16)] },
    'avoid while parking': { role: 'park', avoid: ['a'] },
  };
  it.each(Object.entries(broken))('are asserted: %s', (_, change) => {
    expect(() => encodeClientFrame({ ...hello, ...change })).toThrow(AssertionError);
  });

  it('name the frame and the field', () => {
    expect(() => encodeClientFrame({ ...hello, infoHash: Buffer.alloc(31) })).toThrow(
      'HELLO: infoHash is 31 bytes long, must be 32',
    );
  });

  it('of numbers are asserted', () => {
    for (const token of [-1, 2 ** 32, 0.5]) {
      expect(() => encodeClientFrame({ type: 'ping', token })).toThrow(AssertionError);
    }
  });

  it('a frame of the other direction is asserted', () => {
    expect(() => encodeClientFrame({ type: 'waiting' } as unknown as ClientFrame)).toThrow(
      'WAITING is not sent by a client',
    );
  });
});
