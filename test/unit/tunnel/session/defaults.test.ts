import { describe, expect, it } from 'vitest';
import { H2_SESSION_WINDOW } from '../../../../src/base/limits.ts';
import { SESSION_LIMITS } from '../../../../src/tunnel/session/defaults.ts';

describe('the limits of a session', () => {
  it('hold what HTTP/2 may have on its way, as it does not read while it waits to write', () => {
    // One window lies unread at the other end and one waits here. With the overhead of HTTP/2 and TLS its own window fits
    // into both, so its writes always end, it reads again, and no two ends can wait for each other.
    expect(2 * SESSION_LIMITS.windowBytes).toBeGreaterThan(1.1 * H2_SESSION_WINDOW);
  });

  it('leave a suspected leg more time than one that is not', () => {
    expect(SESSION_LIMITS.silenceMs).toBeGreaterThan(SESSION_LIMITS.probeMs + SESSION_LIMITS.echoMs);
    expect(SESSION_LIMITS.danglingMs).toBeGreaterThan(SESSION_LIMITS.silenceMs);
  });
});
