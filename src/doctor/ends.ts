/** Who the two ends of a trial are: a bridge and a broker of one CA, with keys that live in memory only. */
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { infoHashOfCertificate } from '../pki/info-hash.ts';
import { type Authority, createAuthority, issueLeaf } from '../pki/issue.ts';
import type { TunnelIdentity } from '../tunnel/http2.ts';

export interface Ends {
  readonly bridge: TunnelIdentity;
  readonly broker: TunnelIdentity;
  /** DER of the CA of both. */
  readonly authority: Buffer;
}

export interface EndsDeps {
  readonly clock: Clock;
  readonly random: Random;
}

/** The shortest that certificates can be made for: nobody needs them tomorrow. */
const DAYS = 1;

/** A CA that nobody has heard of. */
export function throwAwayAuthority({ clock, random }: EndsDeps): Authority {
  return createAuthority({ role: 'bridgeAuthority', nowMs: clock.wall(), random, days: DAYS });
}

/** A bridge and a broker below `authority`. Throws `config` where that has expired. */
export function issueEnds(authority: Authority, { clock, random }: EndsDeps): Ends {
  const infoHash = infoHashOfCertificate(authority.der);
  const end = (role: 'bridge' | 'broker'): TunnelIdentity => {
    const issued = issueLeaf(authority, { role, nowMs: clock.wall(), random, days: DAYS });
    return {
      certPem: issued.certificate + authority.certificate,
      keyPem: issued.key,
      caPem: authority.certificate,
      infoHash,
      accepts: [infoHash],
      notAfterMs: issued.notAfterMs,
      clock,
    };
  };
  return { bridge: end('bridge'), broker: end('broker'), authority: authority.der };
}
