/**
 * `info_hash`: SHA-256 over the DER bytes of the bridge CA certificate, written as 64 lower-case hex digits.
 * Both sides compute it from the same certificate; knowing it opens nothing by itself.
 */
import { BeaconError } from './errors.ts';

declare const infoHashBrand: unique symbol;

/** 64 lower-case hex digits. Made only by {@link parseInfoHash} and {@link infoHashFromBytes}. */
export type InfoHash = string & { readonly [infoHashBrand]: true };

export const INFO_HASH_BYTES = 32;

/** Accepts 64 hex digits in either case, with or without openssl's colons and surrounding blanks. */
export function parseInfoHash(text: string): InfoHash {
  const digits = bareDigits(text);
  if (!/^[0-9a-f]{64}$/.test(digits)) {
    throw new BeaconError(
      'config',
      `not an info_hash: expected 64 hex digits (SHA-256), got ${digits.length} characters; run 'beacon info-hash CA.crt' to print it`,
    );
  }
  return digits as InfoHash;
}

/** `text` in lower case, without what openssl and people put around the hex digits of a SHA-256: words, colons, blanks. */
export function bareDigits(text: string): string {
  return text
    .trim()
    .replace(/^sha256 fingerprint=/i, '')
    .replaceAll(':', '')
    .toLowerCase();
}

/** `bytes` is 32 bytes long (the decoder has checked it). */
export function infoHashFromBytes(bytes: Uint8Array): InfoHash {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex') as InfoHash;
}

export function infoHashBytes(hash: InfoHash): Buffer {
  return Buffer.from(hash, 'hex');
}
