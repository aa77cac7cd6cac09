/** One directory, that of node `a`, and short questions to it. */
import { INCARNATION_WAIT_MS } from '../../src/base/limits.ts';
import { Directory, type DirectoryOptions } from '../../src/cluster/directory/directory.ts';
import type { Effect, Refusal } from '../../src/cluster/directory/effects.ts';
import { beat, type Entries, hash, page } from './directory-messages.ts';

export const WALL = 1_000_000;

export function newDirectory(limits?: DirectoryOptions['limits']): Directory {
  return new Directory({
    node: 'a',
    zone: 'east',
    forward: 'a:7443',
    software: 'beacon 1',
    wallMs: WALL,
    ...(limits && { limits }),
  });
}

/** Knows all of `entries` of node `b`, told at sequence 5, since time 0. */
export function knowing(entries: Entries, limits?: DirectoryOptions['limits']): Directory {
  const directory = newDirectory(limits);
  directory.onConnected('b', 0);
  directory.onHeartbeat('b', beat(6, 5, entries), 0);
  directory.onPullPage('b', page(0, 5, entries), 0);
  directory.tick(INCARNATION_WAIT_MS);
  return directory;
}

export const kinds = (effects: readonly Effect[]): string[] => effects.map((effect) => effect.do);
export const nodesFor = (directory: Directory, at: number, now: number): string[] =>
  directory.holders(hash(at), now).map(({ node }) => node);
export const refused = (directory: Directory, why: Refusal): number => directory.snapshot(0).refusals[why];
export const news = (effects: readonly Effect[]): Effect[] =>
  effects.filter((effect) => effect.do === 'appeared' || effect.do === 'vanished');

/** Lets time pass from one deadline to the next, up to `end`. */
export function pass(directory: Directory, end: number): Effect[] {
  const effects: Effect[] = [];
  for (let at = directory.nextDeadline(); at !== undefined && at <= end; at = directory.nextDeadline()) {
    effects.push(...directory.tick(at));
  }
  return [...effects, ...directory.tick(end)];
}
