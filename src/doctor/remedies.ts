/** What to do about a trial that failed, for whoever is called at night. */
import type { ErrorCode } from '../base/errors.ts';
import type { Failure } from './types.ts';

/** Made for this command: brokers of a CA in use could be paired with its bridge. */
const OWN_CA =
  "to try pairs as well, make a CA for this command ('beacon certs init --out doctor'), put the info_hash of doctor/bridge-ca.crt into --allow-file of every relay, and pass --ca-cert doctor/bridge-ca.crt --ca-key doctor/bridge-ca.key";

/** Empty: the text of the failure says it. */
const REMEDIES: Readonly<Partial<Record<ErrorCode, string>>> = {
  rateLimit:
    'wait a minute and run this again; if clients here are told the same, list their info_hash in --allow-file, and behind a load balancer check --proxy-protocol-from: all clients may count as one address',
  malformed: 'something on the way changes bytes: look for a proxy that opens TLS; else compare the releases',
  unsupportedVersion: 'upgrade the older of the two: neighbouring releases understand each other',
  proofRequired:
    'something on the way opens TLS and keeps the client certificate back: have it pass TLS through',
  proofInvalid:
    'these certificates were made a moment ago: compare the clocks of this machine and the relay; with --ca-cert see that the CA is still valid',
  noBridge: 'the relay does not find the bridge that it has itself parked: look at its log',
  holderUnreachable: 'open the forward port (7443) between the relays; their logs say `a node is gone`',
  draining:
    'it is being restarted, and its clients are elsewhere: run this again when it is up. If nobody restarts it, its log says what asked it to stop',
  timeout:
    'look at the load of the relay and of this machine; `beacon_slots_waiting` above 0 means that it has no free slot',
  internal: 'look for `error` in the log of the relay, and report it',
  tooMany:
    'too many connections from here are open at this relay: list the info_hashes of the clients here in --allow-file',
};

export function remedyFor(
  { code, certifiedFor }: Pick<Failure, 'code' | 'certifiedFor'>,
  { isListed }: { readonly isListed: boolean },
): string {
  if (certifiedFor !== undefined) {
    return `it is for ${certifiedFor}; where clients dial another name than this, give that with --server-name`;
  }
  if (code === 'notAllowed') {
    return isListed
      ? 'put the info_hash of --ca-cert into --allow-file of this relay; it is read again within 10 s'
      : `it answers, and serves listed CAs only: that much is well. ${OWN_CA}`;
  }
  return REMEDIES[code] ?? '';
}
