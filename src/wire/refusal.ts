/**
 * Refusal codes on the wire: their numbers, who may try again and when, and the text for people.
 * PROTOCOL.md, section "Refusal codes", holds the same table; a test compares the two.
 */
import { BeaconError, REFUSAL_CODES, type RefusalCode } from '../base/errors.ts';
import type { Field } from './fields.ts';
import type { Refused } from './frames.ts';

/**
 * Whether the same client, unchanged, may try again:
 * - `later`: here or elsewhere, after `retryAfterMs`, or after a backoff where that is 0;
 * - `elsewhere`: at once on another node; the same address only after a backoff;
 * - `never`: a person must change something first. A daemon says so and keeps to its slowest pace.
 */
export type Retry = 'later' | 'elsewhere' | 'never';

export interface Refusal {
  /** The code in a REFUSED frame (u8). Never given to another code. */
  readonly number: number;
  /** Which role may meet it. */
  readonly who: 'bridge' | 'broker' | 'both';
  readonly retry: Retry;
  /** What happened and what to do, where the relay has nothing more exact to say. */
  readonly text: string;
}

export const REFUSALS: Readonly<Record<RefusalCode, Refusal>> = {
  rateLimit: {
    number: 1,
    who: 'both',
    retry: 'later',
    text: 'Too many connections from this address. Wait for the time named here, then connect again.',
  },
  malformed: {
    number: 2,
    who: 'both',
    retry: 'never',
    text: 'The client broke the protocol. Compare it with PROTOCOL.md of this release.',
  },
  unsupportedVersion: {
    number: 3,
    who: 'both',
    retry: 'never',
    text: 'This relay does not know the version or role in HELLO. Use a client of this or the neighbouring release.',
  },
  proofRequired: {
    number: 4,
    who: 'both',
    retry: 'never',
    text: 'No client certificate came. Send the leaf and the CA behind the info_hash in the TLS handshake.',
  },
  proofInvalid: {
    number: 5,
    who: 'both',
    retry: 'never',
    text: 'The client certificate does not prove the right to this info_hash and role. Issue a new one.',
  },
  notAllowed: {
    number: 6,
    who: 'both',
    retry: 'never',
    text: 'This relay does not serve this info_hash. Ask its operator to list it.',
  },
  noBridge: {
    number: 7,
    who: 'broker',
    retry: 'later',
    text: "No bridge is parked for this info_hash. See in the bridge's log that it is parked at a relay; compare `beacon info-hash` on both sides.",
  },
  avoided: {
    number: 8,
    who: 'broker',
    retry: 'elsewhere',
    text: 'This node is one that the leg must avoid. Connect to another node.',
  },
  holderUnreachable: {
    number: 9,
    who: 'broker',
    retry: 'elsewhere',
    text: 'The bridge is parked on a node that this node cannot reach. Connect to another node.',
  },
  draining: {
    number: 10,
    who: 'both',
    retry: 'elsewhere',
    text: 'This node is draining. Connect to another node.',
  },
  timeout: {
    number: 11,
    who: 'both',
    retry: 'later',
    text: 'The client did not send in time what the protocol asks for. Check the line, then connect again.',
  },
  internal: {
    number: 12,
    who: 'both',
    retry: 'later',
    text: 'The relay failed. Connect again; its log says more.',
  },
  tooMany: {
    number: 13,
    who: 'both',
    retry: 'later',
    text: 'Too many live connections of this address or info_hash. Close some, or have the operator list the info_hash.',
  },
};

const CODES = new Map(REFUSAL_CODES.map((code) => [REFUSALS[code].number, code]));

/** The code of a number from the wire. One that a later release added is `internal` to us. */
export function refusalCode(number: number): RefusalCode {
  return CODES.get(number) ?? 'internal';
}

/** A code as a field of a frame. */
export const refusalCode8: Field<RefusalCode> = {
  notation: 'u8',
  read: (from) => refusalCode(from.u8()),
  write: (to, value) => to.u8(REFUSALS[value].number),
};

/** A REFUSED frame. Default text: that of the table; default time: none named (0). */
export function refusal(
  code: RefusalCode,
  more: { readonly text?: string; readonly retryAfterMs?: number } = {},
): Refused {
  return {
    type: 'refused',
    code,
    retryAfterMs: more.retryAfterMs ?? 0,
    text: more.text ?? REFUSALS[code].text,
  };
}

/**
 * The REFUSED frame that tells a client of `error`. An error without a wire code becomes `internal` with the text
 * of the table: what went wrong inside a relay is no business of a stranger.
 */
export function refusedFor(error: unknown): Refused {
  const code = error instanceof BeaconError ? REFUSAL_CODES.find((known) => known === error.code) : undefined;
  if (code === undefined || !(error instanceof BeaconError)) return refusal('internal');
  return refusal(code, { text: error.message, retryAfterMs: Math.ceil(error.retryAfterMs ?? 0) });
}

/** The error that a REFUSED frame means to a client. Its text is safe to show on a terminal. */
export function refusalError(frame: Refused): BeaconError {
  const text = frame.text === '' ? REFUSALS[frame.code].text : frame.text;
  return new BeaconError(frame.code, `the relay refused (${frame.code}): ${printable(text)}`, {
    retry: REFUSALS[frame.code].retry !== 'never',
    ...(frame.retryAfterMs > 0 && { retryAfterMs: frame.retryAfterMs }),
  });
}

/** Control and formatting characters of a hostile relay could rewrite the screen or the log line. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
}
