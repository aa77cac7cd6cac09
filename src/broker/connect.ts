/** A {@link ConnectTalk} over a link. After PAIRED every byte is opaque. */
import { asBeaconError, BeaconError } from '../base/errors.ts';
import type { Link } from '../net/link.ts';
import { relayFrames } from '../wire/decode.ts';
import { encodeClientFrame } from '../wire/encode.ts';
import type { Paired } from '../wire/frames.ts';
import { ConnectTalk, type ConnectTalkOptions } from './connect-talk.ts';

export interface ConnectOptions extends ConnectTalkOptions {
  readonly signal: AbortSignal;
}

/**
 * Resolves when the relay has paired the link with a bridge; its first opaque bytes are unread then. The link is
 * closed on failure. Rejects with the relay's refusal, `timeout` when the relay falls silent, `malformed`, or
 * `closed`.
 */
export function connectThrough(link: Link, options: ConnectOptions): Promise<Paired> {
  return new Promise((resolve, reject) => {
    const { stream } = link;
    const { signal } = options;
    const decoder = relayFrames();
    const talk = new ConnectTalk(options, {
      send: (frame) => void stream.write(encodeClientFrame(frame)),
      onPaired(paired) {
        stream.pause();
        detach();
        const rest = decoder.takeRest();
        if (rest.length > 0) stream.unshift(rest);
        resolve(paired);
      },
      onFailed(error) {
        detach();
        stream.on('error', () => {});
        stream.destroy();
        reject(error);
      },
    });
    const onData = (chunk: Buffer): void => {
      talk.heard();
      try {
        decoder.push(chunk);
        for (let frame = decoder.next(); frame; frame = talk.done ? undefined : decoder.next())
          talk.take(frame);
      } catch (error) {
        talk.end(asBeaconError(error));
      }
    };
    const onCut = (cause?: unknown): void =>
      talk.end(
        new BeaconError('closed', 'the relay closed the connection before it paired it', {
          cause,
          retry: true,
        }),
      );
    const onAbort = (): void => talk.end(new BeaconError('closed', 'stopped'));

    const detach = (): void => {
      stream.off('data', onData).off('end', onCut).off('close', onCut).off('error', onCut);
      signal.removeEventListener('abort', onAbort);
    };
    stream.on('data', onData).on('end', onCut).on('close', onCut).on('error', onCut);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) return onAbort();
    talk.start();
    stream.resume();
  });
}
