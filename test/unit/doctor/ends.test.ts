import { expect, it } from 'vitest';
import { systemClock as clock } from '../../../src/base/clock.ts';
import { systemRandom as random } from '../../../src/base/random.ts';
import { issueEnds, throwAwayAuthority } from '../../../src/doctor/ends.ts';
import { certificatesInPem } from '../../../src/pki/pem.ts';
import { judgeChain } from '../../../src/pki/proof.ts';

it('a bridge and a broker prove what they are, for a day, by a CA that is new each time', () => {
  const [one, other] = [0, 1].map(() => issueEnds(throwAwayAuthority({ clock, random }), { clock, random }));
  expect(one?.bridge.infoHash).toHaveLength(64);
  expect(one?.bridge.infoHash).toBe(one?.broker.infoHash);
  expect(one?.bridge.infoHash).not.toBe(other?.bridge.infoHash);
  for (const [identity, role] of [
    [one?.bridge, 'park'],
    [one?.broker, 'connect'],
  ] as const) {
    const chain = certificatesInPem(identity?.certPem ?? '');
    const infoHash = identity?.accepts ?? [];
    expect(judgeChain(chain, { infoHash, role, wallMs: clock.wall() })).toMatchObject({ ok: true });
    const otherRole = role === 'park' ? 'connect' : 'park';
    expect(judgeChain(chain, { infoHash, role: otherRole, wallMs: clock.wall() })).toMatchObject({
      ok: false,
    });
    expect((identity?.notAfterMs ?? 0) - clock.wall()).toBeLessThanOrEqual(24 * 60 * 60 * 1_000);
  }
});
