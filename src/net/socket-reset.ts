/** How a connection is aborted so that the other side can tell it from a clean end. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** Errors of a link reach their user as 'close' without 'end'; without a listener they would end the process. */
export function ignoreErrors(): void {}

/**
 * Sends a TCP reset on `raw` and closes it; `stream` is `raw` itself or the TLS socket on top of it, and is destroyed
 * by the close of `raw` a moment later. Idempotent.
 *
 * Two traps, both seen on Node 26.10. `TLSSocket.destroy()` right after the reset frees OpenSSL's state at once; when
 * that happens inside a callback of OpenSSL, the process dies with a segmentation fault. And libuv refuses a reset
 * while a shutdown is under way (EINVAL), whereupon Node forgets the descriptor without closing it. In that state all
 * our bytes and our end are with the kernel already, so a plain close tells the peer nothing untrue.
 */
export function resetSocket(raw: Socket, stream: Duplex): void {
  if (raw.destroyed) return;
  const shuttingDown = stream.writableEnded && !stream.writableFinished && stream.writableLength === 0;
  if (shuttingDown) raw.destroy();
  else raw.resetAndDestroy();
}

/**
 * Whether the 'end' that `stream` just had was a reset. The kernel reports a reset once, and if that is to a write of
 * OpenSSL's own (a session ticket, an alert), Node drops the error and the next read looks like a clean end.
 */
export function endedByReset(stream: Duplex): boolean {
  // After our own end the kernel forgets the address with the connection, however that ended.
  if (!(stream instanceof TLSSocket) || stream.destroyed || stream.writableEnded) return false;
  // Nobody else may ask before: the first answer is kept.
  return stream.remoteAddress === undefined;
}

/** IPv4 peers of a dual-stack listener show up as `::ffff:192.0.2.1`; they are the same peers as on IPv4. */
export function plainAddress(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice('::ffff:'.length) : address;
}
