/** What went wrong when dialling, in words that say what to do. */
import { BeaconError, type ErrorCode, systemCode } from '../base/errors.ts';

/** How texts speak of the other side. */
export interface PeerWords {
  /** What is expected there, for example `a beacon relay`. */
  readonly what: string;
  /** What to do when its certificate is not trusted, for example `pass its CA with --beacon-ca FILE`. */
  readonly trustAdvice: string;
}

export const RELAY_WORDS: PeerWords = {
  what: 'a beacon relay',
  trustAdvice: "pass the relay's CA certificate with --beacon-ca, or its pin with --beacon-pin",
};

/** The peer as texts name it. */
export interface Peer {
  /** For example `relay 2 of 3`. */
  readonly name: string;
  readonly words: PeerWords;
}

interface Finding {
  readonly code: ErrorCode;
  readonly text: string;
  readonly retry: boolean;
}

/** A failure before TCP is connected. */
export function connectError(name: string, cause: unknown): BeaconError {
  return new BeaconError('unreachable', `cannot reach ${name}: ${connectReason(systemCode(cause))}`, {
    cause,
    retry: true,
  });
}

/** The time given for the whole dial is up. */
export function timeoutError(name: string, timeoutMs: number): BeaconError {
  return new BeaconError(
    'unreachable',
    `cannot reach ${name}: no answer within ${timeoutMs / 1_000} s; check the address, and that a firewall lets TCP out to it`,
    { retry: true },
  );
}

/** The caller's signal ended the dial. */
export function abortedError(name: string): BeaconError {
  return new BeaconError('closed', `stopped connecting to ${name}`);
}

/** A failure between TCP connected and the end of the TLS handshake. */
export function handshakeError({ name, words }: Peer, cause: unknown): BeaconError {
  const { code, text, retry } = handshakeFinding(systemCode(cause), words);
  return new BeaconError(code, `${name}: ${text}`, { cause, retry });
}

/** TLS is fine, but it is not what we came for. */
export function wrongProtocolError({ name, words }: Peer): BeaconError {
  return new BeaconError(
    'closed',
    `${name} is not ${words.what}: it speaks TLS, but another protocol; check the address`,
  );
}

/** The certificate fits none of the pins. */
export function pinError({ name }: Peer): BeaconError {
  return new BeaconError(
    'untrusted',
    `${name}: its certificate does not fit the pin; if it was renewed, get its new pin from who runs it, otherwise somebody stands in between`,
  );
}

function connectReason(code: string | undefined): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'connection refused; check the port, that it is running, and that no firewall rejects it';
    case 'ENOTFOUND':
    case 'EAI_NODATA':
    case 'EAI_NONAME':
      return 'unknown host; check the name';
    case 'EAI_AGAIN':
      return 'the name cannot be looked up now; check the DNS settings of this machine';
    case 'ECONNRESET':
      return 'it closed the connection at once; a firewall may stand in between';
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
    case 'EADDRNOTAVAIL':
      return 'no route to it; check the address and the network of this machine';
    case 'ETIMEDOUT':
      return 'no answer; check the address, and that a firewall lets TCP out to it';
    case 'EACCES':
    case 'EPERM':
      return 'this machine forbids the connection; check its firewall rules';
    default:
      return `the connection failed (${code ?? 'no reason given'})`;
  }
}

function handshakeFinding(code: string | undefined, words: PeerWords): Finding {
  const untrusted = (text: string): Finding => ({ code: 'untrusted', text, retry: false });
  switch (code) {
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return untrusted(
        `its certificate is self-signed, or its authority is not known here; ${words.trustAdvice}`,
      );
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    // An authority of the same name, but with another key.
    case 'CERT_SIGNATURE_FAILURE':
      return untrusted(
        `its certificate is signed by an authority that is not trusted here; ${words.trustAdvice}`,
      );
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return untrusted(
        `its certificate is for another name; dial it by a name in its certificate, or ${words.trustAdvice}`,
      );
    case 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE':
      return untrusted(`it showed no certificate; ${words.trustAdvice}`);
    case 'CERT_HAS_EXPIRED':
      return untrusted("its certificate has expired; renew it there, or correct this machine's clock");
    case 'CERT_NOT_YET_VALID':
      return untrusted(
        "its certificate is not valid yet; correct this machine's clock, or the one it was made with",
      );
    default:
      return brokenHandshake(code, words);
  }
}

function brokenHandshake(code: string | undefined, words: PeerWords): Finding {
  const wrongPlace = (text: string): Finding => ({ code: 'closed', text, retry: false });
  switch (code) {
    case 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL':
      return wrongPlace(`not ${words.what}: it speaks TLS, but another protocol; check the address`);
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
    case 'ERR_SSL_UNEXPECTED_MESSAGE':
      return wrongPlace(`not ${words.what}: it does not speak TLS; check the address and the port`);
    case 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION':
    case 'ERR_SSL_UNSUPPORTED_PROTOCOL':
      return wrongPlace(
        `not ${words.what}: it offers no version of TLS that is new enough; check the address`,
      );
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ETIMEDOUT':
      return { code: 'closed', text: 'the connection was closed during the TLS handshake', retry: true };
    default:
      // Every other code of OpenSSL's verification (a wrong purpose, a broken signature ...) or of the handshake.
      return isVerification(code)
        ? {
            code: 'untrusted',
            text: `its certificate was refused (${code}); ${words.trustAdvice}`,
            retry: false,
          }
        : { code: 'closed', text: `the TLS handshake failed (${code ?? 'no reason given'})`, retry: true };
  }
}

/** Verification codes are X509_V_ERR_ names without that prefix; all others begin with E (`ECONN...`, `ERR_...`). */
function isVerification(code: string | undefined): boolean {
  return code !== undefined && !/^E[A-Z]+$|^ERR_/.test(code);
}
