import { expect, test } from 'vitest';
import { KnownPeers, nodeIdentity } from '../../../src/cluster/identity.ts';
import { LINE_A, LINE_B, secretOf } from './nodes.ts';

test('an identity follows from secret and name, and is the same everywhere', async () => {
  const { peerId } = await nodeIdentity(secretOf(LINE_A).current, 'node-0');
  expect(peerId.toString()).toBe('12D3KooWLy8RB4v71vDdBxFcUjHafaXyeQ89dRydmW2LvRmujTbv');
  const others = await Promise.all([
    nodeIdentity(secretOf(LINE_A).current, 'node-1'),
    nodeIdentity(secretOf(LINE_B).current, 'node-0'),
  ]);
  for (const other of others) expect(other.peerId.equals(peerId)).toBe(false);
});

test('members are known under every secret of the file, strangers under none', async () => {
  const known = await KnownPeers.of(secretOf(LINE_A, LINE_B), ['x', 'y']);
  for (const line of [LINE_A, LINE_B]) {
    for (const name of ['x', 'y']) {
      expect(known.nameOf((await nodeIdentity(secretOf(line).current, name)).peerId)).toBe(name);
    }
  }
  expect(known.nameOf((await nodeIdentity(secretOf(LINE_A).current, 'z')).peerId)).toBeUndefined();
  expect(known.nameOf((await nodeIdentity(secretOf(LINE_A.repeat(2)).current, 'x')).peerId)).toBeUndefined();
});
