import { describe, expect, it } from 'vitest';
import { isName, lookUp } from '../../../src/net/look-up.ts';

describe('a look-up', () => {
  it('finds the addresses of a name, each once', async () => {
    const found = await lookUp('localhost');
    expect(found.some((ip) => ip === '127.0.0.1' || ip === '::1')).toBe(true);
    expect(new Set(found).size).toBe(found.length);
  });

  it('finds none where there are none, and does not fail', async () => {
    // RFC 6761, section 6.4: never resolves.
    expect(await lookUp('relay.invalid')).toEqual([]);
  });

  it.each([
    ['relay.test', true],
    ['localhost', true],
    ['127.0.0.1', false],
    ['::1', false],
  ])('of %s is needed: %s', (host, expected) => {
    expect(isName(host)).toBe(expected);
  });
});
