/** The limits of the product, as a session takes them. */
import {
  INNER_HANDSHAKE_TIMEOUT_MS,
  LEG_LINGER_MS,
  SESSION_ACK_BYTES,
  SESSION_ACK_DELAY_MS,
  SESSION_CHUNKS,
  SESSION_DANGLING_MS,
  SESSION_ECHO_MS,
  SESSION_LEGS,
  SESSION_PROBE_MS,
  SESSION_SILENCE_MS,
  SESSION_WINDOW_BYTES,
} from '../../base/limits.ts';
import type { SessionLimits } from './types.ts';

export const SESSION_LIMITS: SessionLimits = {
  windowBytes: SESSION_WINDOW_BYTES,
  chunks: SESSION_CHUNKS,
  ackBytes: SESSION_ACK_BYTES,
  ackDelayMs: SESSION_ACK_DELAY_MS,
  probeMs: SESSION_PROBE_MS,
  echoMs: SESSION_ECHO_MS,
  silenceMs: SESSION_SILENCE_MS,
  danglingMs: SESSION_DANGLING_MS,
  legs: SESSION_LEGS,
  lingerMs: LEG_LINGER_MS,
  handshakeMs: INNER_HANDSHAKE_TIMEOUT_MS,
};
