import { expect, it } from 'vitest';
import type { InfoHash } from '../../../src/base/info-hash.ts';
import { WaitingRoom } from '../../../src/relay/waiting-room.ts';

const X = 'aa'.repeat(32) as InfoHash;
const Y = 'bb'.repeat(32) as InfoHash;
const WAIT_MS = 10_000;

interface Waiter {
  readonly infoHash: InfoHash;
  readonly ticket: number;
}

function setUp() {
  const watches: string[] = [];
  const room = new WaitingRoom<Waiter>(WAIT_MS, (infoHash, watched) =>
    watches.push(`${watched ? '+' : '-'}${infoHash.slice(0, 1)}`),
  );
  const tickets = (infoHash: InfoHash): number[] => room.of(infoHash).map(({ ticket }) => ticket);
  return { room, watches, tickets };
}

const at = (ticket: number, infoHash = X): Waiter => ({ infoHash, ticket });

it('keeps those of an info_hash in the order in which they came', () => {
  const { room, tickets } = setUp();
  for (const ticket of [1, 2, 4]) room.add(at(ticket), 0);
  room.add(at(3, Y), 0);
  expect([tickets(X), tickets(Y)]).toEqual([[1, 2, 4], [3]]);
});

it('gives one that comes back its old place', () => {
  const { room, tickets } = setUp();
  const [first, second, third] = [at(1), at(2), at(3)];
  for (const each of [first, second, third]) room.add(each, 0);
  room.delete(second);
  room.delete(first);
  room.add(second, 10);
  expect(tickets(X)).toEqual([2, 3]);
  room.add(first, 20);
  room.add(at(9), 20);
  expect(tickets(X)).toEqual([1, 2, 3, 9]);
});

it('watches an info_hash from the first who waits for it to the last', () => {
  const { room, watches } = setUp();
  const [first, second, other] = [at(1), at(2), at(3, Y)];
  for (const each of [first, second, other]) room.add(each, 0);
  room.delete(first);
  room.delete(first);
  expect(watches).toEqual(['+a', '+b']);
  room.delete(second);
  expect(watches).toEqual(['+a', '+b', '-a']);
  room.add(first, 5);
  expect(watches).toEqual(['+a', '+b', '-a', '+a']);
});

it('lets each wait for its time, and tells of each once', () => {
  const { room, watches } = setUp();
  const [first, second] = [at(1), at(2)];
  room.add(first, 0);
  room.add(second, 400);
  expect([room.next(), room.due(WAIT_MS - 1)]).toEqual([WAIT_MS, undefined]);
  expect([room.due(WAIT_MS), room.due(WAIT_MS)]).toEqual([first, undefined]);
  expect(room.next()).toBe(WAIT_MS + 400);
  expect([room.due(2 * WAIT_MS), room.next(), watches]).toEqual([second, undefined, ['+a', '-a']]);
});

it('counts the time of one that comes back from its return', () => {
  const { room } = setUp();
  const waiter = at(1);
  room.add(waiter, 0);
  room.delete(waiter);
  expect(room.next()).toBeUndefined();
  room.add(waiter, 7_000);
  expect(room.next()).toBe(7_000 + WAIT_MS);
});

it('may be walked while those in it leave', () => {
  const { room, tickets } = setUp();
  for (const ticket of [1, 2, 3]) room.add(at(ticket), 0);
  const walked: number[] = [];
  for (const waiter of room.of(X)) {
    walked.push(waiter.ticket);
    room.delete(waiter);
  }
  expect([walked, tickets(X)]).toEqual([[1, 2, 3], []]);
});
