import { describe, expect, it } from 'vitest';
import { ADVERTS_PER_SECOND, NODE_LEASE_MS, NODE_UNREACHED_MS } from '../../../../src/base/limits.ts';
import { keyOf } from '../../../../src/cluster/directory/entries.ts';
import { Member } from '../../../../src/cluster/directory/member.ts';
import { View } from '../../../../src/cluster/directory/view.ts';
import { changes, hash, heartbeat } from '../../../support/directory-messages.ts';

function memberAt(now: number): { member: Member; view: View } {
  const member = new Member('b', now);
  const view = new View(heartbeat(2, 1, { 1: [1] }), 100, now);
  view.tell(changes(0, 1, { 1: [1] }), new Set(), now);
  member.view = view;
  return { member, view };
}

describe('Member', () => {
  it('is lost 3 s after its last heartbeat', () => {
    const { member, view } = memberAt(0);
    expect(member.lost(NODE_LEASE_MS - 1)).toBeUndefined();
    expect(member.lost(NODE_LEASE_MS)).toBe('silent');
    view.hear(heartbeat(3, 1, { 1: [1] }), 1_000);
    expect(member.lost(NODE_LEASE_MS + 999)).toBeUndefined();
    expect(member.lost(NODE_LEASE_MS + 1_000)).toBe('silent');
    expect(Math.min(...member.deadlines().filter((at) => at !== undefined))).toBe(NODE_LEASE_MS + 1_000);
  });

  it('is given the time in which we did not run, once more than a lease at the most', () => {
    const { member } = memberAt(0);
    member.unreached(100);
    member.forgive(300);
    expect(member.lost(399 + NODE_UNREACHED_MS)).toBeUndefined();
    expect(member.lost(400 + NODE_UNREACHED_MS)).toBe('disconnected');
    member.reached();
    expect(member.lost(299 + NODE_LEASE_MS)).toBeUndefined();
    expect(member.lost(300 + NODE_LEASE_MS)).toBe('silent');
    member.forgive(1e6);
    expect(member.lost(2 * NODE_LEASE_MS - 1)).toBeUndefined();
    expect(member.lost(2 * NODE_LEASE_MS)).toBe('silent');
  });

  it('is lost 500 ms after its last connection, unless one comes back', () => {
    const { member } = memberAt(0);
    member.unreached(100);
    member.unreached(300);
    expect(member.connected).toBe(false);
    expect(member.lost(100 + NODE_UNREACHED_MS - 1)).toBeUndefined();
    expect(member.lost(100 + NODE_UNREACHED_MS)).toBe('disconnected');
    expect(member.deadlines()).toContain(100 + NODE_UNREACHED_MS);
    member.reached();
    expect(member.lost(100 + NODE_UNREACHED_MS)).toBeUndefined();
  });

  it('that was never heard is not lost, and has no deadlines', () => {
    const member = new Member('b', 0);
    member.unreached(0);
    expect(member.lost(1e9)).toBeUndefined();
    expect(member.deadlines()).toEqual([]);
  });

  it('may advertise as often as an honest node can, and no more', () => {
    const member = new Member('b', 0);
    const read = (now: number, tries: number): number =>
      Array.from({ length: tries }).filter(() => member.mayAdvertise(now)).length;
    expect(read(0, 1_000)).toBe(ADVERTS_PER_SECOND);
    expect(read(500, 1_000)).toBe(ADVERTS_PER_SECOND / 2);
    expect(read(1e9, 1_000)).toBe(ADVERTS_PER_SECOND);
    const honest = new Member('b', 0);
    for (let now = 0; now < 60_000; now += 20) expect(honest.mayAdvertise(now)).toBe(true);
  });

  it('offers what it holds, unless it drains or has said that it has not', () => {
    const { member, view } = memberAt(0);
    const key = keyOf(hash(1));
    expect([member.offers(key, 0), member.offers(keyOf(hash(2)), 0)]).toEqual([true, false]);
    view.suppressions.add(key, 1, 0);
    expect([member.offers(key, 499), member.offers(key, 500)]).toEqual([false, true]);
    view.hear(heartbeat(3, 1, { 1: [1] }, { draining: true }), 1);
    expect(member.offers(key, 500)).toBe(false);
    expect(new Member('c', 0).offers(key, 0)).toBe(false);
  });
});
