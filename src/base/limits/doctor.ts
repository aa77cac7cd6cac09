/** Limits of `beacon doctor`. See ../limits.ts. */
import { KIB, SECOND } from './units.ts';

/** Relays that are examined, each IP address of a name counted: 56 pairs, 16 connections to each, of 100 in a minute that
 *  a relay takes of one source. */
export const DOCTOR_WAYS = 8;
/** Pairs that are tried at once: all of three relays, and not so many that they wait for each other. */
export const DOCTOR_PAIRS_AT_ONCE = 8;
/** A name that has not been looked up by then is a finding: a resolver's own patience is longer. */
export const DOCTOR_LOOK_UP_MS = 5 * SECOND;
/** From the first dial to the last byte of one pair. A relay says within 10 s that it knows no such bridge; what is silent
 *  for 20 s more is a finding. */
export const DOCTOR_TRIAL_MS = 30 * SECOND;
/** Sent each way: several TLS records and reads, a moment on a slow line. */
export const DOCTOR_BYTES = 256 * KIB;
/** A certificate with fewer days left is warned of: two weeks, as the alarm does. */
export const DOCTOR_DAYS_LEFT = 14;
