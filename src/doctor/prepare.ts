/** From what a person has said to an examination that can begin. */
import { BeaconError, messageOf } from '../base/errors.ts';
import type { DoctorSettings } from '../config/doctor-settings.ts';
import { flagOf } from '../config/settings.ts';
import { type Authority, parseHost } from '../pki/issue.ts';
import { certificateToPem } from '../pki/pem.ts';
import { readAuthorities } from '../tunnel/client-credentials.ts';
import { loadEgress } from '../tunnel/egress.ts';
import { type Ends, type EndsDeps, issueEnds, throwAwayAuthority } from './ends.ts';
import type { ExaminationOptions } from './examination.ts';
import { findWays, type WaysOptions } from './ways.ts';

export interface DoctorRequest {
  readonly settings: DoctorSettings;
  /** Issues the two ends. Default: one that is made for this run. */
  readonly authority: Authority | undefined;
  /** What the certificate of every relay must be for. Default: the host by which each is dialled. */
  readonly serverName: string | undefined;
}

export type DoctorDeps = EndsDeps & Pick<WaysOptions, 'lookUp'>;

/** Reads files and looks names up; dials nothing. Throws `config` for what a person must correct. */
export async function prepare(
  { settings, authority, serverName }: DoctorRequest,
  deps: DoctorDeps,
): Promise<Omit<ExaminationOptions, 'expectRefused' | 'onAlone'>> {
  const { beaconAddress: addresses, beaconCa, beaconPin: pins = [], egress } = settings;
  const host = serverName === undefined ? undefined : hostOf(serverName);
  const proxyFor = await loadEgress(egress);
  const relayCa = beaconCa === undefined ? undefined : await readAuthorities(beaconCa, flagOf('beaconCa'));
  return {
    ...deps,
    ends: endsOf(authority, deps),
    isListed: authority !== undefined,
    trust: { relayCa: relayCa?.map(certificateToPem), pins },
    ways: await findWays({ ...deps, addresses, serverName: host, proxyFor }),
  };
}

function endsOf(authority: Authority | undefined, deps: EndsDeps): Ends {
  try {
    return issueEnds(authority ?? throwAwayAuthority(deps), deps);
  } catch (cause) {
    throw new BeaconError('config', `--ca-cert: ${messageOf(cause)}`, { cause });
  }
}

function hostOf(text: string): string {
  try {
    return parseHost(text).value;
  } catch (cause) {
    throw new BeaconError('config', `--server-name: ${messageOf(cause)}`, { cause });
  }
}
