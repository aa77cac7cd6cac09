/** Which brokers a bridge sends off a node that drains, in which order, and how fast. */
import { describe, expect, it } from 'vitest';
import {
  DRAINING_MEMORY_MS,
  LEAVE_AGAIN_MS,
  LEAVE_SPREAD_MS,
  LEAVES_PER_HOST,
  LEAVING_NODES,
  PAIRING_WINDOW_MS,
  RATE_CONNECTIONS,
  RATE_WINDOW_MS,
} from '../../../src/base/limits.ts';
import { type Leave, LeavePlan, type Leaver } from '../../../src/bridge/leave-plan.ts';
import { ParkPlan } from '../../../src/bridge/park-plan.ts';
import { seededRandom } from '../../support/seeded-random.ts';

interface Session extends Leaver {
  readonly id: number;
}

const session = (id: number, ...nodes: string[]): Session => ({
  id,
  legs: nodes.map((node) => ({ path: [node] })),
});
const sessions = (count: number, ...nodes: string[]): Session[] =>
  Array.from({ length: count }, (_, id) => session(id, ...nodes));
const plan = (): LeavePlan<Session> => new LeavePlan(seededRandom(7));

/** Lets time pass until `until`: who is told, and when. */
function run(leaves: LeavePlan<Session>, hosts: number, until: number) {
  const told: (Leave<Session> & { at: number })[] = [];
  for (let at = leaves.next(hosts); at !== undefined && at < until; at = leaves.next(hosts)) {
    for (const leave of leaves.due(hosts, at)) told.push({ ...leave, at });
  }
  return told;
}

describe('a bridge that hears of a node that drains', () => {
  it('tells every broker once, within the spread, those first that are parked there', () => {
    const leaves = plan();
    const [there, elsewhere] = [sessions(20, 'a', 'b'), sessions(20, 'b')];
    expect(leaves.heard('a', [...elsewhere, ...there], 1_000)).toEqual([]);
    const told = run(leaves, 2, Number.POSITIVE_INFINITY);
    expect(told.map(({ session: each }) => each)).toHaveLength(40);
    expect(new Set(told.slice(0, 20).map(({ session: each }) => each))).toEqual(new Set(there));
    expect(told[19]?.at).toBeLessThan(1_000 + LEAVE_SPREAD_MS / 2);
    expect(told[20]?.at).toBeGreaterThanOrEqual(1_000 + LEAVE_SPREAD_MS / 2);
    expect(told[39]?.at).toBeLessThan(1_000 + LEAVE_SPREAD_MS);
    expect(new Set(told.map(({ at }) => at)).size).toBeGreaterThan(30);
  });

  it('never sends off more than the hosts that are left take', () => {
    for (const hosts of [0, 1, 2, 5]) {
      const leaves = plan();
      leaves.heard('a', sessions(900, 'a'), 0);
      const told = run(leaves, hosts, 10 * RATE_WINDOW_MS).map(({ at }) => at);
      const most = LEAVES_PER_HOST * Math.max(1, hosts);
      for (const [index, at] of told.entries()) {
        const before = told[index - most];
        if (before !== undefined) expect(at - before).toBeGreaterThanOrEqual(RATE_WINDOW_MS);
      }
      expect(told.length).toBe(Math.min(900, most * 10));
    }
  });

  it('stays below the rate limit of one host that is left, with the parks that a burst adds', () => {
    // As a bridge dials: one for each that was paired, and what the plan wants more while they come.
    const leaves = plan();
    leaves.heard('a', sessions(300, 'a'), 0);
    const told = run(leaves, 1, RATE_WINDOW_MS);
    const parks = new ParkPlan(4);
    let most = 0;
    for (const { at } of told) {
      parks.paired(at);
      most = Math.max(most, parks.target(at));
    }
    expect(PAIRING_WINDOW_MS).toBeLessThan(LEAVE_SPREAD_MS);
    expect(told.length + most).toBeLessThan(RATE_CONNECTIONS);
  });

  it('tells them again while the node says that it drains, and new ones as well', () => {
    const leaves = plan();
    const old = sessions(3, 'a');
    leaves.heard('a', old, 0);
    expect(run(leaves, 2, LEAVE_SPREAD_MS)).toHaveLength(3);
    expect(leaves.heard('a', old, LEAVE_AGAIN_MS - 1)).toEqual([]);
    const late = session(9, 'b');
    expect(leaves.heard('a', [...old, late], LEAVE_AGAIN_MS)).toEqual(old);
    expect(run(leaves, 2, 1e9).map(({ session: each }) => each)).toEqual([late]);
  });

  it('does not tell twice at once those that have not been told yet', () => {
    const leaves = plan();
    const many = sessions(LEAVES_PER_HOST + 1, 'a');
    leaves.heard('a', many, 0);
    expect(run(leaves, 1, LEAVE_SPREAD_MS)).toHaveLength(LEAVES_PER_HOST);
    expect(leaves.heard('a', many, LEAVE_AGAIN_MS)).toHaveLength(LEAVES_PER_HOST);
    expect(run(leaves, 1, 1e9)).toHaveLength(1);
  });

  it('begins anew when the node was back, or has said nothing for long', () => {
    const leaves = plan();
    const all = sessions(2, 'a');
    leaves.heard('a', all, 0);
    run(leaves, 2, 1e9);
    leaves.back('a');
    expect(leaves.heard('a', all, 1_000)).toEqual([]);
    expect(run(leaves, 2, 1e9)).toHaveLength(2);
    expect(leaves.heard('a', all, 1_000 + DRAINING_MEMORY_MS)).toEqual([]);
    expect(run(leaves, 2, 1e9)).toHaveLength(2);
  });

  it('forgets what is over: sessions, and nodes that are back', () => {
    const leaves = plan();
    const [one, other] = [session(1, 'a'), session(2, 'a')];
    leaves.heard('a', [one, other], 0);
    leaves.forget(one);
    expect(run(leaves, 2, 1e9).map(({ session: each }) => each)).toEqual([other]);
    leaves.heard('b', [one, other], 0);
    leaves.back('b');
    expect(leaves.next(2)).toBeUndefined();
  });

  it('serves two nodes that drain together', () => {
    const leaves = plan();
    const one = session(1, 'a', 'b');
    leaves.heard('a', [one], 0);
    leaves.heard('b', [one], 0);
    expect(new Set(run(leaves, 1, 1e9).map(({ node }) => node))).toEqual(new Set(['a', 'b']));
  });

  it(`remembers ${LEAVING_NODES} nodes, the latest`, () => {
    const leaves = plan();
    const one = session(1, 'a');
    for (let node = 0; node <= LEAVING_NODES; node += 1) leaves.heard(`node-${node}`, [one], node);
    const told = run(leaves, LEAVING_NODES, 1e9).map(({ node }) => node);
    expect(told).toHaveLength(LEAVING_NODES);
    expect(told).not.toContain('node-0');
  });
});
