/** How much a stream of ours holds before it asks to wait. Node's own default differs from release to release. */
import { getDefaultHighWaterMark, setDefaultHighWaterMark } from 'node:stream';
import { STREAM_BUFFER_BYTES } from '../base/limits.ts';

/** `options` for `connect` of node:net and node:tls, whose types leave `highWaterMark` out. */
export function withBuffers<T extends object>(options: T): T & { readonly highWaterMark: number } {
  return { ...options, highWaterMark: STREAM_BUFFER_BYTES };
}

/** tls.Server takes no high-water mark for its sockets, so the default is changed while `create` makes one. */
export function creatingBuffers(create: () => void): void {
  const before = getDefaultHighWaterMark(false);
  setDefaultHighWaterMark(false, STREAM_BUFFER_BYTES);
  try {
    create();
  } finally {
    setDefaultHighWaterMark(false, before);
  }
}
