/** Reads the PROXY header of a connection that was just accepted, and leaves what follows it in the socket. */
import type { Socket } from 'node:net';
import { Alarm } from '../../base/alarm.ts';
import type { Clock } from '../../base/clock.ts';
import { PROXY_HEADER_TIMEOUT_MS } from '../../base/limits.ts';
import type { NoiseReason } from '../noise.ts';
import { type ProxyFault, type ProxySource, parseProxyHeader } from './proxy-header.ts';

export type ProxyHeaderRead =
  | ProxySource
  /** No header: the socket is destroyed. `detail` is for the debug log only. */
  | {
      readonly kind: 'failed';
      readonly reason: Extract<NoiseReason, 'proxyHeader' | 'timeout' | 'closed'>;
      readonly detail?: ProxyFault;
    };

export interface ReadProxyHeaderOptions {
  readonly clock: Clock;
  /** Milliseconds from now to the whole header. Default {@link PROXY_HEADER_TIMEOUT_MS}. */
  readonly timeoutMs?: number;
  /**
   * Called exactly once, never in the turn of the call. On success the socket is the callee's, paused, with all bytes after
   * the header still to be read; it is to be taken over in the same turn. It must not throw.
   */
  readonly onRead: (read: ProxyHeaderRead) => void;
}

/**
 * Takes over `socket`, from which nothing has been read, in the turn in which it was accepted. The caller listens for its
 * 'error'. Holds at most one header and one chunk of the stream.
 */
export function readProxyHeader(socket: Socket, options: ReadProxyHeaderOptions): void {
  const { clock, timeoutMs = PROXY_HEADER_TIMEOUT_MS, onRead } = options;
  let held: Buffer | undefined;
  const onReadable = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    held = held ? Buffer.concat([held, chunk]) : chunk;
    const header = parseProxyHeader(held);
    if (header.kind === 'incomplete') return;
    if (header.kind === 'malformed') return fail('proxyHeader', header.fault);
    release();
    const rest = held.subarray(header.length);
    if (rest.length > 0) socket.unshift(rest);
    onRead(header.source);
  };
  // A socket of ours is half-open: a peer that has no more to say would otherwise keep it until the alarm.
  const onClosed = (): void => fail('closed');
  const fail = (reason: 'proxyHeader' | 'timeout' | 'closed', detail?: ProxyFault): void => {
    release();
    socket.destroy();
    onRead({ kind: 'failed', reason, ...(detail && { detail }) });
  };
  const release = (): void => {
    alarm.cancel();
    socket.off('readable', onReadable).off('end', onClosed).off('close', onClosed);
  };
  // An alarm, as a header that came in time may lie unread behind a stall of ours.
  const alarm = new Alarm(clock, () => fail('timeout'));
  alarm.set(clock.now() + timeoutMs);
  socket.on('readable', onReadable).on('end', onClosed).on('close', onClosed);
}
