import { expect, test } from 'vitest';
import { GossipCounts } from '../../../src/cluster/gossip-counters.ts';

test('counts by kind and reason, and reads a copy', () => {
  const counts = new GossipCounts();
  const before = counts.read([]);
  counts.add('entriesSent');
  counts.add('entriesSent');
  counts.rejected('flood');
  counts.refused('stranger');
  counts.closed('silent');
  expect(
    counts.read([
      { name: 'a', state: 'connected' },
      { name: 'b', state: 'absent' },
    ]),
  ).toMatchObject({
    entriesSent: 2,
    entriesReceived: 0,
    entriesRejected: { flood: 1, stranger: 0, errGossipValueTooLarge: 0 },
    connectionsRefused: { stranger: 1, tie: 0, door: 0 },
    connectionsClosed: { silent: 1, deaf: 0, flood: 0, spare: 0 },
    membersExpected: 2,
    membersConnected: 1,
  });
  expect(before.entriesSent + before.entriesRejected.flood).toBe(0);
});
