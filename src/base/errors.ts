/**
 * The one error class of this project.
 *
 * Every failure that can reach a caller, a log or a screen is a {@link BeaconError} with a code from a closed
 * union, so callers decide by `code` and never by the text. The text is for people: what happened, to what, and
 * what to do about it.
 */

/** Why the relay refuses a connection. Sent as a number in a REFUSED frame; see wire/PROTOCOL.md. */
export const REFUSAL_CODES = [
  'rateLimit',
  'malformed',
  'unsupportedVersion',
  'proofRequired',
  'proofInvalid',
  'notAllowed',
  'noBridge',
  'avoided',
  'holderUnreachable',
  'draining',
  'timeout',
  'internal',
  'tooMany',
] as const;

export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** Codes that arise on this side of a connection only and never cross the wire. */
export type LocalCode =
  /** A command line, variable or file that a person must correct. The process exits with 2. */
  | 'config'
  /** The address cannot be reached: refused, no route, name unknown. */
  | 'unreachable'
  /** The peer's certificate is not the one we were told to trust. */
  | 'untrusted'
  /** The connection ended before it was of use. */
  | 'closed'
  /** The target of a stream is not one that the bridge serves. */
  | 'unknownTarget'
  /** The target of a stream does not answer. */
  | 'targetUnreachable'
  /** The target of a stream answers, but TLS with it fails. */
  | 'targetTls'
  /** No tunnel could be had for a stream in time. */
  | 'noTunnel'
  /** A gossip entry has more than 8,192 bytes. */
  | 'errGossipValueTooLarge';

export type ErrorCode = RefusalCode | LocalCode;

export interface BeaconErrorOptions {
  /** What caused it, for the debug log. Never shown to a peer. */
  readonly cause?: unknown;
  /** Whether trying again, unchanged, can help. Default false. */
  readonly retry?: boolean;
  /** Milliseconds to wait before a retry, where the other side named a time. */
  readonly retryAfterMs?: number;
}

export class BeaconError extends Error {
  override readonly name = 'BeaconError';
  readonly code: ErrorCode;
  readonly retry: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: BeaconErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retry = options.retry ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The `code` of a system or OpenSSL error (`ECONNREFUSED`, `ERR_SSL_...`), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The text of anything thrown, for a log line. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Anything thrown as the one error class: what is not one yet is a fault of ours, `internal`, with its cause. */
export function asBeaconError(error: unknown): BeaconError {
  if (error instanceof BeaconError) return error;
  return new BeaconError('internal', messageOf(error), { cause: error });
}
