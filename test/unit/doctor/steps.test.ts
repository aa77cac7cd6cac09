import { describe, expect, it } from 'vitest';
import { BeaconError } from '../../../src/base/errors.ts';
import { DOCTOR_TRIAL_MS } from '../../../src/base/limits.ts';
import { Steps } from '../../../src/doctor/steps.ts';
import { ManualClock } from '../../support/manual-clock.ts';

describe('steps', () => {
  it('keep what was done, with its time', async () => {
    const clock = new ManualClock();
    const steps = new Steps(clock);
    const work = Promise.withResolvers<number>();
    const running = steps.run('park', 'bridge', work.promise, (at) => `at ${at}`);
    clock.advance(40);
    work.resolve(7);
    expect(await running).toBe(7);
    expect([steps.done, steps.ms]).toEqual([[{ name: 'park', ms: 40, text: 'at 7' }], 40]);
    steps.close();
    expect(clock.pending).toBe(0);
  });

  it('name the one that failed, and whose it was', async () => {
    const steps = new Steps(new ManualClock());
    const error = new BeaconError('draining', 'it leaves');
    await expect(steps.run('pair', 'broker', Promise.reject(error), () => '')).rejects.toBe(error);
    expect(steps.failure(error)).toEqual({
      step: 'pair',
      end: 'broker',
      code: 'draining',
      text: 'it leaves',
    });
    expect(steps.done).toEqual([]);
  });

  it('are over when their time is up, and take the work under way with them', async () => {
    const clock = new ManualClock();
    const steps = new Steps(clock);
    const running = steps.run('bytes', undefined, new Promise<never>(() => {}), () => '');
    clock.advance(DOCTOR_TRIAL_MS - 1);
    expect(steps.signal.aborted).toBe(false);
    clock.advance(1);
    await expect(running).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('30 s'),
    });
    expect(steps.signal.aborted).toBe(true);
  });

  it('tell what matters of the cause, and nothing that could move a cursor', () => {
    const failureOf = (cause: unknown) =>
      new Steps(new ManualClock()).failure(new BeaconError('untrusted', 'no', { cause }));
    const names = { code: 'ERR_TLS_CERT_ALTNAME_INVALID', cert: { subjectaltname: 'DNS:a\u001b[2J' } };
    expect(failureOf(names)).toMatchObject({ certifiedFor: 'DNS:a?[2J' });
    expect(failureOf({ code: 'ENETUNREACH' })).toMatchObject({ isNoRoute: true });
    expect(failureOf({ code: 'ECONNREFUSED' })).toEqual({ step: 'TCP', code: 'untrusted', text: 'no' });
  });
});
