/**
 * Pulls: one member asks another for a page, over a libp2p stream of its own.
 *
 * ```
 * asker  -> holder   frame: request
 * holder -> asker    frame: page
 * ```
 * A page is complete when its length says so, not when the stream closes: a libp2p node that stops closes its streams
 * as if they were complete. A page fits the stream's window, so neither end depends on libp2p's back-pressure.
 */
import assert from 'node:assert';
import type { Connection, Stream } from '@libp2p/interface';
import type { Clock } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import { PULL_PAGE_BYTES, PULL_REQUEST_BYTES, PULL_TIMEOUT_MS } from '../base/limits.ts';
import { FrameReader, frameOf } from './stream-frames.ts';

export const PULL_PROTOCOL = '/beacon/pull/1';

/** The page that answers `request`, at most PULL_PAGE_BYTES; undefined refuses. */
export type PageSource = (request: Uint8Array) => Uint8Array | undefined;

/**
 * Asks the member at the other end. `request` has at most PULL_REQUEST_BYTES. Throws `closed` (also when it refused),
 * `timeout` after PULL_TIMEOUT_MS, or `malformed`.
 */
export async function pullPage(
  connection: Connection,
  request: Uint8Array,
  clock: Clock,
): Promise<Uint8Array> {
  assert(request.length <= PULL_REQUEST_BYTES, 'the request of a pull is too large');
  const controller = new AbortController();
  const timer = clock.after(PULL_TIMEOUT_MS, () => controller.abort());
  let stream: Stream | undefined;
  try {
    stream = await connection.newStream(PULL_PROTOCOL, { signal: controller.signal });
    const reader = new FrameReader(stream, PULL_PAGE_BYTES + 4, clock);
    stream.send(frameOf(request));
    return await reader.next(PULL_PAGE_BYTES, PULL_TIMEOUT_MS);
  } catch (cause) {
    if (cause instanceof BeaconError) throw cause;
    throw new BeaconError('closed', 'a member could not be asked', { cause, retry: true });
  } finally {
    timer.cancel();
    // All was said; where it was not, there is nothing to wait for either.
    stream?.abort(new BeaconError('closed', 'the pull is over'));
  }
}

/** Answers one pull and ends its stream. Throws what kept the page from being sent. */
export async function servePull(stream: Stream, pageOf: PageSource, clock: Clock): Promise<void> {
  try {
    const reader = new FrameReader(stream, PULL_REQUEST_BYTES + 4, clock);
    const page = pageOf(await reader.next(PULL_REQUEST_BYTES, PULL_TIMEOUT_MS));
    if (!page) throw new BeaconError('closed', 'this pull is refused');
    assert(page.length <= PULL_PAGE_BYTES, 'a page of a pull is too large');
    stream.send(frameOf(page));
    // The asker resets the stream as soon as it has the page.
    void stream.close().catch(() => {});
  } catch (error) {
    stream.abort(new BeaconError('closed', 'the pull is over'));
    throw error;
  }
}
