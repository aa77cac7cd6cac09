/** From a relay's address to a bridge: what src/broker/{dial-bridge,connect}.ts are in a run. */
import { BeaconError } from '../../src/base/errors.ts';
import { ConnectTalk } from '../../src/broker/connect-talk.ts';
import type { BridgeWish } from '../../src/broker/dial-bridge.ts';
import type { PathNode, RelayFrame } from '../../src/wire/frames.ts';
import type { SimClientOptions } from './client.ts';
import type { Message } from './message.ts';
import type { SimLink } from './net.ts';
import type { RelayWay } from './relay-way.ts';

const SOFTWARE = 'sim/1';

export interface PairedSimLink {
  readonly link: SimLink<Message>;
  readonly path: readonly PathNode[];
  /** Instance of the bridge, 16 bytes. */
  readonly bridge: Buffer;
}

export class BridgeDial {
  readonly #options: SimClientOptions;
  readonly #way: RelayWay;
  readonly #instance: Buffer;

  constructor(options: SimClientOptions, way: RelayWay, instance: Buffer) {
    this.#options = options;
    this.#way = way;
    this.#instance = instance;
  }

  /**
   * Calls one of the two, later; `onFailed` at once when `signal` aborts.
   *
   * @param early bytes that follow HELLO at once.
   */
  dial(
    { route, ...wish }: BridgeWish,
    signal: AbortSignal,
    onPaired: (paired: PairedSimLink) => void,
    onFailed: (error: BeaconError) => void,
    early?: Buffer,
  ): void {
    if (signal.aborted) return onFailed(new BeaconError('closed', 'stopped'));
    this.#way.dial(
      route,
      (link) => {
        if (!signal.aborted) return this.#talk(link, wish, signal, onPaired, onFailed, early);
        link.reset();
        onFailed(new BeaconError('closed', 'stopped'));
      },
      onFailed,
    );
  }

  #talk(
    link: SimLink<Message>,
    wish: Omit<BridgeWish, 'route'>,
    signal: AbortSignal,
    onPaired: (paired: PairedSimLink) => void,
    onFailed: (error: BeaconError) => void,
    early: Buffer | undefined,
  ): void {
    const { authority, clock } = this.#options;
    const { infoHash } = authority;
    const options = { infoHash, instance: this.#instance, software: SOFTWARE, clock, ...wish };
    const onAbort = (): void => talk.end(new BeaconError('closed', 'stopped'));
    const talk: ConnectTalk = new ConnectTalk(options, {
      send: (frame) => this.#way.hello(link, 'broker', frame),
      onPaired({ path, bridge }) {
        signal.removeEventListener('abort', onAbort);
        // What comes next is for its leg.
        link.pause();
        onPaired({ link, path, bridge });
      },
      onFailed(error) {
        signal.removeEventListener('abort', onAbort);
        link.close();
        onFailed(error);
      },
    });
    const cut = (): void =>
      talk.end(
        new BeaconError('closed', 'the relay closed the connection before it paired it', { retry: true }),
      );
    signal.addEventListener('abort', onAbort, { once: true });
    talk.start();
    if (early) link.send({ opaque: early });
    link.handle({
      onMessage(message) {
        talk.heard();
        if ('frame' in message) talk.take(message.frame as RelayFrame);
        else if ('fin' in message) cut();
      },
      onEnd: cut,
    });
  }
}
