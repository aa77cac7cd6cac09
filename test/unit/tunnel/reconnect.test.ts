/** When to try again: jitter, a slow pace for what a person must change, times that the relay names. */
import { describe, expect, it } from 'vitest';
import { BeaconError } from '../../../src/base/errors.ts';
import { RECONNECT_FIRST_MS, RECONNECT_HEALTHY_MS, RECONNECT_MAX_MS } from '../../../src/base/limits.ts';
import { silentLog } from '../../../src/base/log.ts';
import { Reconnect } from '../../../src/tunnel/reconnect.ts';
import { refusal, refusalError } from '../../../src/wire/refusal.ts';
import { recordingLog } from '../../support/recording-log.ts';

/** Always the given fraction. */
const fixed = (fraction: number) => ({
  fraction: () => fraction,
  bytes: (count: number) => Buffer.alloc(count),
});

const CUT = new BeaconError('closed', 'cut', { retry: true });

describe('a reconnecting client', () => {
  it('waits a random part of a ceiling that doubles to its limit', () => {
    const reconnect = new Reconnect(fixed(0.5), silentLog);
    const waits = Array.from({ length: 9 }, () => reconnect.failed(CUT, 0));
    expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
    expect(new Reconnect(fixed(0), silentLog).failed(CUT, 0)).toBe(0);
  });

  it('begins anew after a connection that was healthy', () => {
    const reconnect = new Reconnect(fixed(0.5), silentLog);
    for (let count = 0; count < 5; count += 1) reconnect.failed(CUT, 0);
    expect(reconnect.failed(CUT, RECONNECT_HEALTHY_MS - 1)).toBeGreaterThan(RECONNECT_FIRST_MS);
    expect(reconnect.failed(CUT, RECONNECT_HEALTHY_MS)).toBe(RECONNECT_FIRST_MS / 2);
  });

  it.each(['notAllowed', 'proofInvalid', 'proofRequired', 'unsupportedVersion', 'malformed'] as const)(
    'keeps to its slowest pace after %s',
    (code) => {
      const error = refusalError(refusal(code));
      const first = new Reconnect(fixed(0), silentLog).failed(error, 0);
      const later = new Reconnect(fixed(0.999), silentLog);
      for (let count = 0; count < 10; count += 1) later.failed(error, 0);
      expect(first).toBe(RECONNECT_MAX_MS / 2);
      expect(later.failed(error, 0)).toBeLessThanOrEqual(RECONNECT_MAX_MS);
      expect(later.failed(error, 0)).toBeGreaterThan(RECONNECT_MAX_MS * 0.99);
    },
  );

  it('waits the time that a relay names in full, and a random time on top', () => {
    const error = refusalError(refusal('rateLimit', { retryAfterMs: 12_000 }));
    expect(new Reconnect(fixed(0.5), silentLog).failed(error, 0)).toBe(12_250);
  });

  it('warns once of what goes on', () => {
    const { log, lines } = recordingLog();
    const reconnect = new Reconnect(fixed(0), log);
    for (let count = 0; count < 100; count += 1) reconnect.failed(CUT, 0);
    reconnect.succeeded();
    reconnect.failed(CUT, 0);
    expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(2);
  });
});
