import { describe, expect, test } from 'vitest';
import { parseClusterPeers } from '../../../src/base/cluster-peer.ts';

describe('parseClusterPeers', () => {
  test('reads names with addresses', () => {
    expect(parseClusterPeers('relay-0=relay-0.relay:7946, relay-1=10.0.0.1:7946,R_2=[fd00::1]:1')).toEqual([
      { name: 'relay-0', host: 'relay-0.relay', port: 7_946 },
      { name: 'relay-1', host: '10.0.0.1', port: 7_946 },
      { name: 'R_2', host: 'fd00::1', port: 1 },
    ]);
  });

  test.each([
    ['', 'not a cluster peer'],
    ['relay-0:7946', 'not a cluster peer'],
    ['=host:1', 'not a cluster peer'],
    [`${'n'.repeat(64)}=host:1`, 'not a cluster peer'],
    ['na me=host:1', 'not a cluster peer'],
    ['a=host', 'port is missing'],
    ['a=:1', 'host is missing'],
    ['a=h:1,', 'not a cluster peer'],
    ['a=h:1,a=i:1', 'name a is in the list of cluster peers twice'],
    ['a=h:1,b=h:1', 'address h:1 is in the list of cluster peers twice'],
    [Array.from({ length: 129 }, (_, index) => `n${index}=h${index}:1`).join(), 'at most 128'],
  ])('refuses %s', (text, why) => {
    expect(() => parseClusterPeers(text)).toThrow(expect.objectContaining({ code: 'config' }));
    expect(() => parseClusterPeers(text)).toThrow(why);
  });

  test('takes as many as there may be', () => {
    const text = Array.from({ length: 128 }, (_, index) => `n${index}=h${index}:1`).join();
    expect(parseClusterPeers(text)).toHaveLength(128);
  });
});
