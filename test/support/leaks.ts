/**
 * Fails a test that leaves something open: a socket, a listener, a timer or a child process.
 *
 * Call {@link checkLeaks} once, at the top of a test file. It looks when the test's own cleanup is done.
 */
import { readdirSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, onTestFinished } from 'vitest';

/** What a test of this project can leave behind, by the names that Node gives it. */
const KINDS = [
  'TCPServerWrap',
  'TCPSocketWrap',
  'TLSWrap',
  'PipeWrap',
  'ProcessWrap',
  'Timeout',
  'Immediate',
];
/**
 * Closing takes a few turns of the event loop at each end; pauses of the product and other work on the machine take longer,
 * and vitest reports by a timer of its own, which counts as one of ours until it has fired. Longer than any of it by far.
 */
const SETTLE_MS = 3_000;

type Census = ReadonlyMap<string, number>;

/** Compares what is open after each test of this file with what was open before it. */
export function checkLeaks(): void {
  beforeEach(() => {
    const before = census();
    // These run last registered first, and after all `afterEach` hooks: this one comes last of all.
    onTestFinished(async () => {
      await settled(() => leaked(before).length === 0);
      const left = leaked(before);
      if (left.length > 0) throw new Error(`left open: ${left.join(', ')}`);
    });
  });
}

/**
 * Waits until `done` holds, looking at each turn of the event loop, and says whether it does.
 *
 * @param turns gives up after so many. Default: after SETTLE_MS by the clock, as an idle machine makes 20,000 turns in 50 ms.
 */
export async function settled(done: () => boolean, turns = Number.POSITIVE_INFINITY): Promise<boolean> {
  const until = Number.isFinite(turns) ? Number.POSITIVE_INFINITY : performance.now() + SETTLE_MS;
  for (let turn = 0; turn < turns && !done() && performance.now() < until; turn += 1) await nextTurn();
  return done();
}

/** Waits until `done` holds, for as long as the test may take. */
export async function until(done: () => boolean): Promise<void> {
  while (!done()) await nextTurn();
}

/** File descriptors of this process; undefined where the system has no /proc. */
export function descriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
}

function census(): Census {
  const counts = new Map<string, number>(KINDS.map((kind) => [kind, 0]));
  for (const kind of process.getActiveResourcesInfo()) {
    const count = counts.get(kind);
    if (count !== undefined) counts.set(kind, count + 1);
  }
  return counts;
}

function leaked(before: Census): string[] {
  return [...census()].flatMap(([kind, count]) => {
    const more = count - (before.get(kind) ?? 0);
    return more > 0 ? [`${more} ${kind}`] : [];
  });
}
