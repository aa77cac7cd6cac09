import { describe, expect, test } from 'vitest';
import { type Sight, Watch } from '../../../src/cluster/watch.ts';

const WELL: Sight = { heard: true, gossips: true };
const SILENT: Sight = { heard: false, gossips: true };
const DEAF: Sight = { heard: true, gossips: false };

function looks(...sights: Sight[]): string[] {
  const watch = new Watch();
  return sights.map((sight) => watch.look(sight));
}

describe('Watch', () => {
  test('leaves a living connection alone', () => {
    expect(looks(WELL, SILENT, WELL, DEAF, WELL)).toEqual(Array(5).fill('fine'));
  });

  test('gives a silent one up at the sixth look, not at the fifth', () => {
    expect(looks(...Array(6).fill(SILENT))).toEqual([...Array(5).fill('fine'), 'silent']);
    expect(looks(...Array(5).fill(SILENT), WELL, ...Array(5).fill(SILENT))).not.toContain('silent');
  });

  test('opens gossip again from the second look on, and gives up at the sixth', () => {
    expect(looks(...Array(6).fill(DEAF))).toEqual(['fine', 'reopen', 'reopen', 'reopen', 'reopen', 'deaf']);
    expect(looks(DEAF, DEAF, WELL, DEAF)).toEqual(['fine', 'reopen', 'fine', 'fine']);
  });

  test('a dead connection is called silent', () => {
    expect(looks(...Array(6).fill({ heard: false, gossips: false })).at(-1)).toBe('silent');
  });
});
