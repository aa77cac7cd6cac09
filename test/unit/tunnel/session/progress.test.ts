import { describe, expect, it } from 'vitest';
import { Progress } from '../../../../src/tunnel/session/progress.ts';

describe('progress', () => {
  it('is expected only while bytes wait', () => {
    const progress = new Progress();
    expect(progress.suspectAt(200)).toBeUndefined();
    progress.waits(true, 10);
    progress.waits(true, 500);
    expect(progress.suspectAt(200)).toBe(610);
    progress.waits(false, 510);
    expect(progress.suspectAt(200)).toBeUndefined();
  });

  it('gives each leg twice the time of the one before, until some is made', () => {
    const progress = new Progress();
    progress.waits(true, 0);
    progress.again(600);
    expect(progress.suspectAt(200)).toBe(1_800);
    progress.again(1_800);
    expect(progress.suspectAt(200)).toBe(4_200);
    progress.made(4_000);
    progress.waits(true, 4_000);
    expect(progress.suspectAt(200)).toBe(4_600);
  });

  it('tells how long bytes waited where sending moved meanwhile, and only there', () => {
    const progress = new Progress();
    progress.waits(true, 0);
    expect(progress.made(300)).toBeUndefined();
    progress.waits(true, 1_000);
    progress.moved(1_600);
    expect(progress.made(1_750)).toBe(750);
    progress.waits(true, 2_000);
    expect(progress.made(2_100)).toBeUndefined();
    // Nothing waited when it moved.
    progress.moved(3_000);
    expect(progress.made(3_100)).toBeUndefined();
  });

  it('remembers the longest time without, moves or not', () => {
    const progress = new Progress();
    progress.waits(true, 0);
    progress.again(600);
    expect(progress.longest(700)).toBe(700);
    progress.made(800);
    progress.waits(true, 800);
    progress.made(900);
    expect(progress.longest(5_000)).toBe(800);
  });
});
