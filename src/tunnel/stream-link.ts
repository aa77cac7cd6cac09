/**
 * An HTTP/2 stream as a {@link Link}, with aborts that cannot be taken for ends.
 *
 * Two traps of node:http2 are kept out here. `stream.close(code)`, and `destroy()` without an error, may send END_STREAM
 * or RST_STREAM with NO_ERROR, which the other end takes for a clean end of truncated data: a reset must be
 * `destroy(error)`. And node:http2 makes up ends: it calls `push(null)` when a stream is reset with NO_ERROR or
 * destroyed, and when its session dies without an error, whether or not END_STREAM came (seen on Node 26.10, above
 * all where our side had ended already, so that no 'aborted' is emitted).
 */
import type { Http2Stream } from 'node:http2';
import { BeaconError } from '../base/errors.ts';
import type { Link } from '../net/link.ts';

/** Takes the stream over, before anything was read from it. */
export function streamLink(stream: Http2Stream, peerChain: readonly Buffer[]): Link {
  refuseMadeUpEnds(stream);
  // A server stream that nobody has read or paused yet is closed, with what it holds, once our side has ended.
  stream.pause();
  // The owner of the link listens too; an error that comes before it does must not end the process.
  stream.on('error', () => {});
  return {
    stream,
    source: '',
    peerChain,
    reset: () => {
      stream.destroy(new BeaconError('closed', 'this end reset the stream'));
    },
  };
}

/** Every way to 'end' leads through `push(null)`. END_STREAM comes while the stream is open, what is made up does not. */
function refuseMadeUpEnds(stream: Http2Stream): void {
  const push = stream.push.bind(stream);
  let ended = false;
  stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    if (chunk !== null || ended) return push(chunk, encoding);
    if (stream.closed || stream.destroyed) {
      // Later: node:http2 goes on to use the stream in the same turn.
      queueMicrotask(() => {
        stream.destroy(new BeaconError('closed', 'the other end of the tunnel reset the stream'));
      });
      return false;
    }
    ended = true;
    return push(null);
  };
}
