/** What a directory refuses, and that it costs nobody else anything. */
import { describe, expect, it } from 'vitest';
import { ADVERTS_PER_SECOND, NODE_LEASE_MS, PULL_TIMEOUT_MS } from '../../../../src/base/limits.ts';
import { encodePull } from '../../../../src/cluster/directory/codec.ts';
import { kinds, knowing, newDirectory, nodesFor, pass, refused } from '../../../support/directory-fixture.ts';
import { advert, beat, page } from '../../../support/directory-messages.ts';

describe('bad input', () => {
  it('of 8,193 bytes is refused by name, counted, and the next is taken', () => {
    const directory = knowing({ 1: [1] });
    const effects = directory.onGossip('b', new Uint8Array(8_193), 500);
    expect(effects).toMatchObject([{ do: 'refused', from: 'b', why: 'errGossipValueTooLarge' }]);
    expect(refused(directory, 'errGossipValueTooLarge')).toBe(1);
    directory.onGossip('b', advert(5, 6, { 2: [1] }), 500);
    expect(nodesFor(directory, 2, 500)).toEqual(['b']);
  });

  it('that is garbage is refused on every way in', () => {
    const directory = knowing({ 1: [1] });
    const garbage = Uint8Array.from([1, 2, 3]);
    directory.onGossip('b', garbage, 500);
    directory.onHeartbeat('b', garbage, 500);
    directory.onPullPage('b', garbage, 500);
    expect(directory.onPullRequest('b', garbage)).toBeUndefined();
    expect(refused(directory, 'malformed')).toBe(4);
    expect(nodesFor(directory, 1, 500)).toEqual(['b']);
  });

  it('that claims another origin is refused on every way in', () => {
    const directory = knowing({ 1: [1] });
    directory.onConnected('c', 400);
    directory.onHeartbeat('c', beat(1, 0, {}, { node: 'c' }), 400);
    directory.onGossip('c', advert(5, 6, { 1: [] }), 500);
    directory.onHeartbeat('c', beat(50, 5, {}), 500);
    directory.onPullPage('c', page(0, 6, {}), 500);
    expect(
      directory.onPullRequest('c', encodePull({ node: 'b', of: 7, after: 0, begun: 0 })),
    ).toBeUndefined();
    expect([refused(directory, 'otherOrigin'), nodesFor(directory, 1, 500)]).toEqual([4, ['b']]);
  });

  it('that goes back in sequence renews no lease', () => {
    const directory = knowing({ 1: [1] });
    for (const sequence of [6, 6, 5, 1]) directory.onHeartbeat('b', beat(sequence, 0, {}), 2_000);
    expect(refused(directory, 'oldSequence')).toBe(4);
    expect(pass(directory, NODE_LEASE_MS)).toContainEqual(expect.objectContaining({ do: 'memberDown' }));
  });

  it('with a digest that never matches makes no endless loop of pulls', () => {
    const directory = knowing({ 1: [1] });
    let pulls = 0;
    let sequence = 7;
    for (let now = 1_000; now <= 600_000; now += 100) {
      const effects = pass(directory, now);
      if (now % 1_000 === 0) {
        sequence += 1;
        effects.push(...directory.onHeartbeat('b', beat(sequence, 5, { 9: [9] }), now));
      }
      for (const effect of effects) {
        if (effect.do !== 'pull') continue;
        pulls += 1;
        directory.onPullPage('b', page(0, 5, { 1: [1] }), now);
      }
      if (nodesFor(directory, 1, now).length !== 1) expect.fail(`the entry blinked at ${now}`);
    }
    expect(pulls).toBeGreaterThan(20);
    expect(pulls).toBeLessThan(40);
    expect(directory.snapshot(600_000).doubts).toBeGreaterThan(0);
  });

  it('of a member that floods is bounded in work and memory, and harms no other', () => {
    const directory = knowing({}, { entriesPerNode: 500 });
    directory.onConnected('c', 400);
    directory.onHeartbeat('c', beat(1, 0, {}, { node: 'c' }), 400);
    let sequence = 5;
    for (let at = 0; at < 10_000; at += 1) {
      const effects = directory.onGossip('b', advert(sequence, sequence + 1, { [at]: [1] }), 500 + at / 10);
      if (effects.length === 0) sequence += 1;
    }
    expect(refused(directory, 'flood')).toBe(10_000 - 2 * ADVERTS_PER_SECOND + 1);
    for (let now = 2_000; now < 20_000; now += 1_000) {
      directory.onHeartbeat('b', beat(100_000 + now, sequence, {}), now);
      directory.onHeartbeat('c', beat(now, 0, {}, { node: 'c' }), now);
      for (let entry = 0; entry < 10; entry += 1, sequence += 1) {
        const many = Object.fromEntries(
          Array.from({ length: 100 }, (_, at) => [now * 1_000 + entry * 100 + at, [1]]),
        );
        directory.onGossip('b', advert(sequence, sequence + 1, many), now);
      }
    }
    expect(directory.snapshot(20_000).members.find(({ node }) => node === 'b')?.entries).toBe(500);
    expect(refused(directory, 'tooManyEntries')).toBeGreaterThan(10_000);
    directory.onGossip('c', advert(0, 1, { 1: [1] }, { node: 'c' }), 20_000);
    expect(nodesFor(directory, 1, 20_000)).toContain('c');
  });

  it('that was not asked for is refused as a page, and one of another incarnation ends the pull', () => {
    const directory = knowing({ 1: [1] });
    directory.onPullPage('b', page(0, 9, { 2: [1] }), 500);
    expect([refused(directory, 'unaskedPage'), nodesFor(directory, 2, 500)]).toEqual([1, []]);
    directory.onPullPage('stranger', page(0, 9, { 2: [1] }), 500);
    directory.onGossip('b', advert(7, 8, {}), 1_000);
    expect(kinds(pass(directory, 1_250))).toContain('pull');
    expect(directory.onPullPage('b', page(5, 9, {}, { incarnation: 8 }), 1_300)).toEqual([]);
    directory.onGossip('b', advert(7, 8, {}), 1_300);
    expect(kinds(pass(directory, 2_000))).toContain('pull');
  });

  it('that does not come, as a page, is given up and asked for again', () => {
    const directory = newDirectory();
    directory.onConnected('b', 0);
    expect(kinds(directory.onHeartbeat('b', beat(6, 5, { 1: [1] }), 0))).toContain('pull');
    let sequence = 6;
    const asked: number[] = [];
    for (let now = 1_000; now <= 12_000; now += 1_000) {
      sequence += 1;
      const effects = [
        ...directory.onHeartbeat('b', beat(sequence, 5, { 1: [1] }), now),
        ...pass(directory, now),
      ];
      if (kinds(effects).includes('pull')) asked.push(now);
    }
    expect(asked).toEqual([PULL_TIMEOUT_MS + 1_000, 2 * PULL_TIMEOUT_MS + 2_000]);
    directory.onPullFailed('b', 12_100);
    expect(kinds(pass(directory, 13_000))).toContain('pull');
  });
});
