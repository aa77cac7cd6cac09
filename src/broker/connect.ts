/**
 * The broker's half of beacon/1: HELLO, then frames until PAIRED or REFUSED. After PAIRED every byte is opaque.
 */
import type { Clock } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import { type InfoHash, infoHashBytes } from '../base/info-hash.ts';
import { RELAY_SILENCE_MS } from '../base/limits.ts';
import type { Link } from '../net/link.ts';
import { relayFrames } from '../wire/decode.ts';
import { encodeClientFrame } from '../wire/encode.ts';
import { type Paired, PROTOCOL_VERSION, type RelayFrame } from '../wire/frames.ts';
import { refusalError } from '../wire/refusal.ts';

export interface ConnectOptions {
  readonly infoHash: InfoHash;
  /** 16 bytes that name this process. */
  readonly instance: Buffer;
  readonly software: string;
  /** The one bridge instance to reach (16 bytes). Default: any. */
  readonly wanted?: Buffer;
  /** Bridge instances not to reach, at most EXCEPT_INSTANCES. Default: none. */
  readonly except?: readonly Buffer[];
  /** Nodes not to cross, at most AVOID_NODES. Default: none. */
  readonly avoid?: readonly string[];
  readonly clock: Clock;
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
    const decoder = relayFrames();
    const silent = (): void =>
      fail(new BeaconError('timeout', 'the relay fell silent before it paired this broker', { retry: true }));
    let timer = options.clock.after(RELAY_SILENCE_MS, silent);

    const onData = (chunk: Buffer): void => {
      timer.cancel();
      timer = options.clock.after(RELAY_SILENCE_MS, silent);
      try {
        decoder.push(chunk);
        for (let frame = decoder.next(); frame; frame = decoder.next()) {
          const paired = read(frame);
          if (paired) return succeed(paired);
        }
      } catch (error) {
        fail(error);
      }
    };
    const onCut = (cause?: unknown): void =>
      fail(
        new BeaconError('closed', 'the relay closed the connection before it paired it', {
          cause,
          retry: true,
        }),
      );
    const onAbort = (): void => fail(new BeaconError('closed', 'stopped'));

    const detach = (): void => {
      timer.cancel();
      stream.off('data', onData).off('end', onCut).off('close', onCut).off('error', onCut);
      options.signal.removeEventListener('abort', onAbort);
    };
    const succeed = (paired: Paired): void => {
      stream.pause();
      detach();
      const rest = decoder.takeRest();
      if (rest.length > 0) stream.unshift(rest);
      resolve(paired);
    };
    const fail = (error: unknown): void => {
      detach();
      stream.on('error', () => {});
      stream.destroy();
      reject(error);
    };

    stream.on('data', onData).on('end', onCut).on('close', onCut).on('error', onCut);
    options.signal.addEventListener('abort', onAbort, { once: true });
    if (options.signal.aborted) return onAbort();
    stream.write(hello(options));
    stream.resume();
  });
}

function hello({ infoHash, instance, software, wanted, except = [], avoid = [] }: ConnectOptions): Buffer {
  return encodeClientFrame({
    type: 'hello',
    version: PROTOCOL_VERSION,
    role: 'connect',
    infoHash: infoHashBytes(infoHash),
    instance,
    software,
    wanted,
    except,
    avoid,
  });
}

/** PAIRED, or undefined for a frame after which one waits on. Throws what ends the attempt. */
function read(frame: RelayFrame): Paired | undefined {
  switch (frame.type) {
    case 'paired':
      return frame;
    case 'waiting':
    case 'ping':
    case 'pong':
    case 'draining':
    case 'goaway':
      return undefined;
    case 'refused':
      throw refusalError(frame);
    case 'parked':
    case 'offer':
      throw new BeaconError('malformed', `the relay sent ${frame.type} to a broker`);
  }
}
