import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { BeaconError } from '../../../src/base/errors.ts';
import { limitDial } from '../../../src/net/dial-limit.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const NAME = 'relay.example:443';

function step(): { stream: Duplex; errors: BeaconError[]; reject: (error: BeaconError) => void } {
  const errors: BeaconError[] = [];
  return { stream: new Duplex({ read() {} }), errors, reject: (error) => errors.push(error) };
}

describe('limitDial', () => {
  it('ends the step under way when the time is up', () => {
    const clock = new ManualClock();
    const limit = limitDial(NAME, { timeoutMs: 2_000, clock });
    const [first, second] = [step(), step()];
    limit.guard(first.stream, first.reject);
    limit.guard(second.stream, second.reject);
    clock.advance(1_999);
    expect(second.errors).toEqual([]);
    clock.advance(1);
    expect(second.errors).toMatchObject([{ code: 'unreachable', retry: true }]);
    expect(second.errors[0]?.message).toContain(NAME);
    expect(second.stream.destroyed).toBe(true);
    expect(first.errors).toEqual([]);
    limit.release();
  });

  it('ends a step that begins after the signal', () => {
    const controller = new AbortController();
    const limit = limitDial(NAME, { timeoutMs: 2_000, clock: new ManualClock(), signal: controller.signal });
    controller.abort();
    const { stream, errors, reject } = step();
    limit.guard(stream, reject);
    expect(errors).toMatchObject([{ code: 'closed', retry: false }]);
    expect(stream.destroyed).toBe(true);
    limit.release();
  });

  it('ends nothing once it is released, and leaves no timer', () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const limit = limitDial(NAME, { timeoutMs: 2_000, clock, signal: controller.signal });
    const { stream, errors, reject } = step();
    limit.guard(stream, reject);
    limit.release();
    expect(clock.pending).toBe(0);
    controller.abort();
    clock.advance(10_000);
    expect(errors).toEqual([]);
    expect(stream.destroyed).toBe(false);
  });
});
