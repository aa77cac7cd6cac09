/**
 * Pins: the relay's certificate, or its public key, named by hash. A client with pins connects to nothing else,
 * whoever signed it.
 */
import { BeaconError } from './errors.ts';

export interface Pin {
  /** What the hash is taken over: the certificate's DER bytes, or those of its SubjectPublicKeyInfo (RFC 5280, 4.1). */
  readonly kind: 'cert' | 'key';
  /** SHA-256 as 64 lower-case hex digits. */
  readonly sha256: string;
}

/** Reads `cert-sha256:HEX` or `key-sha256:HEX`; openssl's colons between the digits are accepted. Throws `config`. */
export function parsePin(text: string): Pin {
  const match = /^(cert|key)-sha256:(.*)$/.exec(text.trim());
  const digits = (match?.[2] ?? '').replaceAll(':', '').toLowerCase();
  if (!match || !/^[0-9a-f]{64}$/.test(digits)) {
    throw new BeaconError(
      'config',
      `${JSON.stringify(text.trim())} is not a pin: expected cert-sha256: or key-sha256: and 64 hex digits`,
    );
  }
  return { kind: match[1] as Pin['kind'], sha256: digits };
}

/** Reads pins separated by commas, at least one. A certificate that fits any of them is trusted. Throws `config`. */
export function parsePins(text: string): readonly Pin[] {
  return text.split(',').map(parsePin);
}
