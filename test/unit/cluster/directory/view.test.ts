import { describe, expect, it } from 'vitest';
import { NODE_LEASE_MS, PULL_PAGES, PULL_PAUSE_MS, PULL_TIMEOUT_MS } from '../../../../src/base/limits.ts';
import { type Key, keyOf } from '../../../../src/cluster/directory/entries.ts';
import { View } from '../../../../src/cluster/directory/view.ts';
import { changes, type Entries, hash, heartbeat } from '../../../support/directory-messages.ts';

const NOBODY: ReadonlySet<Key> = new Set();
const key = (at: number): Key => keyOf(hash(at));

/** A view that knows all of `entries`, told at sequence 5. */
function knowing(entries: Entries, maxEntries = 100): View {
  const view = new View(heartbeat(6, 5, entries), maxEntries, 0);
  expect(view.pull.start(0, 0)).toBe(0);
  view.page(changes(0, 5, entries), NOBODY, 0);
  expect([view.complete, view.doubts, view.pull.deadline()]).toEqual([true, 0, undefined]);
  return view;
}

const keysOf = (view: View): number[] =>
  [...view.keys()].map((each) => Buffer.from(each, 'latin1').at(-1) ?? -1).sort((a, b) => a - b);

describe('a new view', () => {
  it('pulls everything at once', () => {
    const view = new View(heartbeat(6, 5, { 1: [1] }), 100, 10);
    expect([view.complete, view.pull.deadline()]).toEqual([false, 10]);
  });

  it('pulls nothing where nothing ever was', () => {
    const view = new View(heartbeat(1, 0, {}), 100, 10);
    expect([view.complete, view.pull.deadline()]).toEqual([true, undefined]);
  });
});

describe('gossip', () => {
  it('is taken over where it goes on from what is known', () => {
    const view = knowing({ 1: [1] });
    expect(view.tell(changes(5, 7, { 2: [2], 1: [] }), NOBODY, 0).outcome).toBe('news');
    expect([keysOf(view), view.known]).toEqual([[2], 7]);
    expect(view.tell(changes(4, 8, { 3: [3], 2: [2] }), NOBODY, 0).outcome).toBe('news');
    expect([keysOf(view), view.known, view.doubts]).toEqual([[2, 3], 8, 0]);
  });

  it('that is old changes nothing', () => {
    const view = knowing({ 1: [1] });
    expect(view.tell(changes(0, 4, { 9: [9] }), NOBODY, 0).outcome).toBe('old');
    expect(view.tell(changes(4, 5, { 9: [9] }), NOBODY, 0).outcome).toBe('old');
    expect([keysOf(view), view.pull.deadline()]).toEqual([[1], undefined]);
  });

  it('that leaves a gap is not taken over, and is pulled a moment later', () => {
    const view = knowing({ 1: [1] });
    expect(view.tell(changes(6, 7, { 2: [2] }), NOBODY, 1_000).outcome).toBe('gap');
    expect([keysOf(view), view.pull.deadline()]).toEqual([[1], 1_000 + PULL_PAUSE_MS]);
    expect(view.pull.start(view.known, 1_000 + PULL_PAUSE_MS)).toBe(5);
  });

  it('that comes second fills the gap, and the pull is off once the heartbeat matches', () => {
    const view = knowing({ 1: [1] });
    view.hear(heartbeat(9, 7, { 1: [1], 2: [2] }), 1_000);
    expect(view.pull.deadline()).toBe(1_000 + PULL_PAUSE_MS);
    view.tell(changes(5, 7, { 2: [2] }), NOBODY, 1_050);
    expect([view.complete, view.pull.deadline(), view.doubts]).toEqual([true, undefined, 0]);
  });

  it('from before a pull began anew is left to that pull', () => {
    const view = knowing({ 1: [1] });
    view.hear(heartbeat(7, 5, { 2: [2] }), 5_000);
    view.pull.start(view.known, 5_000);
    view.page(changes(0, 2, {}, { changed: 9 }), NOBODY, 5_000);
    expect(view.tell(changes(0, 6, { 1: [1] }), NOBODY, 5_000).outcome).toBe('old');
    expect(view.tell(changes(2, 10, { 3: [3] }), NOBODY, 5_000).outcome).toBe('news');
  });
});

describe('a pull', () => {
  it('goes on page by page and may be overtaken by gossip', () => {
    const view = new View(heartbeat(10, 9, { 1: [1], 2: [2], 3: [3] }), 100, 0);
    view.pull.start(0, 0);
    view.page(changes(0, 3, { 1: [1] }, { changed: 9 }), NOBODY, 1);
    expect([view.pull.asked, view.begun, view.complete]).toEqual([3, 9, false]);
    view.page(changes(3, 6, { 2: [2] }, { changed: 9 }), NOBODY, 2);
    view.tell(changes(5, 11, { 3: [3], 4: [4] }), NOBODY, 3);
    view.page(changes(6, 8, {}, { changed: 11 }), NOBODY, 4);
    expect(view.pull.asked).toBe(11);
    view.page(changes(11, 11, {}), NOBODY, 5);
    expect([view.pull.asked, keysOf(view), view.complete, view.doubts]).toEqual([
      undefined,
      [1, 2, 3, 4],
      true,
      0,
    ]);
  });

  it('that was cut off goes on where it was', () => {
    const view = new View(heartbeat(10, 9, {}), 100, 0);
    view.pull.start(0, 0);
    view.page(changes(0, 3, { 1: [1] }, { changed: 9 }), NOBODY, 1);
    expect(view.pull.overdue(1 + PULL_TIMEOUT_MS)).toBe(true);
    view.pullEnded(2);
    expect([view.pull.start(view.known, 1_000), view.begun]).toEqual([3, 9]);
  });

  it('of everything replaces what was known, and offers the old until the new is told', () => {
    const view = knowing({ 1: [1], 2: [2], 3: [3] });
    view.hear(heartbeat(9, 5, { 1: [1], 4: [4] }), 1_000);
    expect([view.doubts, view.pull.start(view.known, 1_000)]).toEqual([1, 0]);
    view.page(changes(0, 3, { 1: [9], 3: [] }, { changed: 5 }), NOBODY, 1_001);
    expect([keysOf(view), view.size]).toEqual([[1, 2], 1]);
    expect(view.get(key(1))).toBe(knowing({ 1: [9] }).get(key(1)));
    const { touched } = view.page(changes(3, 5, { 4: [4] }), new Set([key(2), key(4), key(7)]), 1_002);
    expect([keysOf(view), touched]).toEqual([[1, 4], new Set([key(4), key(2)])]);
  });

  it('takes no page that was not asked for', () => {
    const view = knowing({ 1: [1] });
    expect(view.page(changes(0, 9, { 2: [2] }), NOBODY, 0).outcome).toBe('unasked');
    view.tell(changes(6, 7, {}), NOBODY, 0);
    view.pull.start(view.known, 1_000);
    expect(view.page(changes(4, 9, { 2: [2] }), NOBODY, 1_000).outcome).toBe('unasked');
    expect([keysOf(view), view.pull.asked]).toEqual([[1], 5]);
  });

  it('that has no end is ended', () => {
    const view = new View(heartbeat(10, 9, {}), 100, 0);
    view.pull.start(0, 0);
    let pages = 0;
    for (; view.pull.asked !== undefined && pages < 2 * PULL_PAGES; pages += 1) {
      view.page(changes(view.known, view.known + 1, {}, { changed: 1e9 }), NOBODY, 0);
    }
    expect(pages).toBe(PULL_PAGES);
    view.hear(heartbeat(2e9, 1e9, {}), 1);
    expect(view.pull.deadline()).toBe(1 + PULL_PAUSE_MS);
  });

  it('that ends twice, as it failed late, costs one pause', () => {
    const view = knowing({ 1: [1] });
    view.tell(changes(6, 7, {}), NOBODY, 1_000);
    view.pull.start(view.known, 2_000);
    view.pullEnded(2_000);
    view.pullEnded(2_001);
    view.hear(heartbeat(9, 7, {}), 2_001);
    expect(view.pull.deadline()).toBe(2_001 + PULL_PAUSE_MS);
  });
});

describe('a heartbeat', () => {
  it('whose digest does not match makes it pull everything', () => {
    for (const other of [{ 1: [2] }, { 2: [1] }, { 1: [1], 2: [2] }, {}] as Entries[]) {
      const view = knowing({ 1: [1] });
      view.hear(heartbeat(7, 5, other), 2_000);
      expect([view.doubts, view.pull.start(view.known, 2_000)]).toEqual([1, 0]);
    }
  });

  it('is held against the entries only where the origin had told all', () => {
    const view = new View(heartbeat(10, 9, { 1: [1], 2: [2] }), 100, 0);
    view.pull.start(0, 0);
    view.page(changes(0, 9, { 1: [1] }, { changed: 12 }), NOBODY, 0);
    view.pullEnded(0);
    view.hear(heartbeat(11, 9, { 1: [1], 2: [2] }), 1);
    expect([view.doubts, view.complete]).toEqual([0, false]);
    expect(view.pull.start(view.known, 10_000)).toBe(9);
  });

  it('that is older than gossip is none either where we could not hear anybody for as long', () => {
    const view = knowing({ 1: [1] });
    view.tell(changes(5, 20, { 2: [2] }), NOBODY, 0);
    view.hear(heartbeat(7, 5, { 1: [1] }), 100);
    view.forgive(5_000);
    view.hear(heartbeat(8, 5, { 1: [1] }), 5_200);
    expect([view.doubts, view.pull.deadline()]).toEqual([0, undefined]);
  });

  it('that is older than gossip is no contradiction, unless it stays so for a lease', () => {
    const view = knowing({ 1: [1] });
    view.tell(changes(5, 20, { 2: [2] }), NOBODY, 0);
    view.hear(heartbeat(7, 5, { 1: [1] }), 100);
    view.hear(heartbeat(8, 5, { 1: [1] }), 100 + NODE_LEASE_MS - 1);
    expect([view.doubts, view.pull.deadline()]).toEqual([0, undefined]);
    view.hear(heartbeat(9, 5, { 1: [1] }), 100 + NODE_LEASE_MS);
    expect([view.doubts, view.pull.start(view.known, 9_000)]).toEqual([1, 0]);
  });

  it('that takes changes back is a contradiction', () => {
    const view = knowing({ 1: [1] });
    view.hear(heartbeat(9, 4, { 1: [1] }), 2_000);
    expect([view.doubts, view.pull.start(view.known, 2_000)]).toEqual([1, 0]);
  });
});

describe('entries past the limit', () => {
  it('are left out, counted, and no reason to pull for ever', () => {
    const view = knowing({ 1: [1], 2: [2] }, 2);
    expect(view.tell(changes(5, 7, { 3: [3], 4: [4], 1: [5] }), NOBODY, 0).refused).toBe(2);
    expect([keysOf(view), view.known]).toEqual([[1, 2], 7]);
    view.hear(heartbeat(9, 7, { 1: [5], 2: [2], 3: [3], 4: [4] }), 100);
    expect([view.doubts, view.pull.deadline()]).toEqual([0, undefined]);
    view.tell(changes(7, 9, { 1: [], 2: [] }), NOBODY, 200);
    view.hear(heartbeat(10, 9, { 3: [3], 4: [4] }), 300);
    expect([view.doubts, view.pull.start(view.known, 1_000)]).toEqual([1, 0]);
  });
});

describe('watched keys', () => {
  it('are named when something is said about them, be it news or not', () => {
    const view = knowing({ 1: [1] });
    const watched = new Set([key(1), key(2)]);
    expect(view.tell(changes(5, 6, { 1: [1], 3: [3] }), watched, 0).touched).toEqual(new Set([key(1)]));
    view.suppressions.add(key(2), 6, 0);
    view.suppressions.add(key(3), 6, 0);
    expect(view.tell(changes(6, 7, { 4: [4] }), watched, 0).touched).toEqual(new Set([key(2)]));
  });
});
