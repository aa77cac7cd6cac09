import { describe, expect, it } from 'vitest';
import { hostOf, hostsOf, shareHost } from '../../../src/tunnel/node-names.ts';

describe('the host of a node', () => {
  it.each([
    ['relay-0', 'relay-0'],
    ['host-1.a', 'host-1'],
    ['host-1.zone.b', 'host-1'],
    ['.a', '.a'],
    ['Host-1.a', 'Host-1'],
    ['host-1.', 'host-1'],
  ])('of %s is %s', (node, host) => {
    expect(hostOf(node)).toBe(host);
  });

  it('is named once, however many nodes it has', () => {
    expect([...hostsOf(['x.1', 'y', 'x.2'])]).toEqual(['x', 'y']);
  });
});

describe('two paths', () => {
  it.each([
    [['a'], ['b'], false],
    [['a', 'b'], ['c'], false],
    [['a', 'b'], ['c', 'b'], true],
    [['a.1', 'b'], ['a.2'], true],
    [['a'], ['A'], false],
    [[], ['a'], false],
  ])('%j and %j share a host: %s', (one, other, expected) => {
    expect(shareHost(one, other)).toBe(expected);
    expect(shareHost(other, one)).toBe(expected);
  });
});
