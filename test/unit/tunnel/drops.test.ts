import { describe, expect, it } from 'vitest';
import { DROP_MS, DROPS_TOLD, DROPS_WAYS, DROPS_WINDOW_MS } from '../../../src/base/limits.ts';
import { Drops } from '../../../src/tunnel/drops.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { recordingLog } from '../../support/recording-log.ts';

function scene() {
  const clock = new ManualClock();
  const { log, lines } = recordingLog();
  const drops = new Drops({ clock, log, field: 'node', what: 'parks', advice: 'look at the line' });
  /** So many losses on `node`, one every `everyMs`. */
  const lose = (count: number, { node = 'a', everyMs = DROP_MS } = {}): void => {
    for (let each = 0; each < count; each += 1) {
      clock.advance(everyMs);
      drops.lost(node, 'closed');
    }
  };
  return { clock, lines, lose };
}

describe('a way that drops its connections', () => {
  it(`is told of when it happens ${DROPS_TOLD} times within ${DROPS_WINDOW_MS} ms`, () => {
    const { lines, lose } = scene();
    lose(DROPS_TOLD - 1);
    expect(lines).toEqual([]);
    lose(1);
    expect(lines).toEqual([
      {
        level: 'warn',
        message: 'parks keep dropping, 5 times within 10 minutes; look at the line',
        fields: { node: 'a', code: 'closed' },
      },
    ]);
  });

  it('is no news where it happens now and then', () => {
    const { lines, lose } = scene();
    lose(100, { everyMs: DROPS_WINDOW_MS / (DROPS_TOLD - 1) });
    expect(lines).toEqual([]);
    lose(DROPS_TOLD, { everyMs: DROPS_WINDOW_MS / DROPS_TOLD });
    expect(lines).toHaveLength(1);
  });

  it('is told of once in that time, however often it happens, and again after it', () => {
    const { clock, lines, lose } = scene();
    lose(1_000, { everyMs: DROP_MS });
    expect(lines).toHaveLength(1);
    clock.advance(DROPS_WINDOW_MS);
    lose(DROPS_TOLD);
    expect(lines).toHaveLength(2);
  });

  it('counts once what is lost at once', () => {
    const { lines, lose } = scene();
    lose(64, { everyMs: 0 });
    lose(64, { everyMs: DROP_MS / 64 });
    expect(lines).toEqual([]);
  });

  it('is not mixed up with others', () => {
    const { lines, lose } = scene();
    for (let round = 0; round < DROPS_TOLD - 1; round += 1) {
      lose(1, { node: 'a' });
      lose(1, { node: 'b' });
    }
    expect(lines).toEqual([]);
    lose(1, { node: 'b' });
    expect(lines.map(({ fields }) => fields?.['node'])).toEqual(['b']);
  });

  it(`is forgotten when ${DROPS_WAYS} others dropped since`, () => {
    const { lines, lose } = scene();
    lose(DROPS_TOLD - 1, { node: 'a' });
    for (let other = 1; other < DROPS_WAYS; other += 1) lose(1, { node: `other-${other}`, everyMs: 1 });
    lose(1, { node: 'a' });
    expect(lines).toHaveLength(1);
    lose(DROPS_TOLD - 1, { node: 'c' });
    for (let other = 0; other < DROPS_WAYS; other += 1) lose(1, { node: `later-${other}`, everyMs: 1 });
    lose(1, { node: 'c' });
    expect(lines).toHaveLength(1);
  });
});
