import { describe, expect, it } from 'vitest';
import { ClusterNetwork, FAIR } from '../../../support/cluster-network.ts';
import { hash, instance } from '../../../support/directory-messages.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

describe('the status of a directory', () => {
  it('alone has no incarnation and nobody else', () => {
    const network = new ClusterNetwork({ random: seededRandom(1), weather: FAIR });
    const a = network.start('a');
    network.change(a, (directory) => directory.parked(hash(1), instance(1), network.now));
    network.run(2_000);
    expect(a.directory.snapshot(network.now)).toMatchObject({
      node: 'a',
      incarnation: undefined,
      draining: false,
      ownEntries: 1,
      entries: 1,
      members: [],
      unheard: [],
      remembered: 0,
      doubts: 0,
    });
  });

  it('names members, what they hold, and who was not heard', () => {
    const network = new ClusterNetwork({ random: seededRandom(1), weather: FAIR });
    const a = network.start('a');
    const b = network.start('b', { zone: 'west' });
    network.change(b, (directory) => {
      directory.setLoad(4);
      directory.parked(hash(1), instance(1), network.now);
    });
    network.run(1_000);
    network.input(a, (directory) => directory.onConnected('mute', network.now));
    network.input(b, (directory) => directory.setDraining(network.now));
    network.run(100);
    const { incarnation } = b.directory.snapshot(network.now);
    const status = a.directory.snapshot(network.now);
    expect(status).toMatchObject({ ownEntries: 0, entries: 1, unheard: ['mute'] });
    expect(status.members).toEqual([
      {
        node: 'b',
        zone: 'west',
        incarnation,
        sequence: b.directory.sequence,
        entries: 1,
        complete: true,
        draining: true,
        load: 4,
        forward: 'b:7443',
        software: 'beacon test',
        heardMs: expect.any(Number),
      },
    ]);
    expect(status.members[0]?.heardMs).toBeLessThanOrEqual(100);
    expect(Object.values(status.refusals).every((count) => count === 0)).toBe(true);
  });
});
