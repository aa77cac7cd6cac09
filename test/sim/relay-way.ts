/** How a client of a run reaches relays: each is an address of its own. */
import { BeaconError } from '../../src/base/errors.ts';
import { DIAL_TIMEOUT_MS } from '../../src/base/limits.ts';
import type { Random } from '../../src/base/random.ts';
import { type Route, Routes } from '../../src/tunnel/routes.ts';
import type { ClientFrame } from '../../src/wire/frames.ts';
import type { SimClientOptions } from './client.ts';
import type { Message } from './message.ts';
import type { SimLink } from './net.ts';

const PORT = 443;

export class RelayWay {
  readonly routes: Routes;
  readonly #options: SimClientOptions;
  /** Which of the two certificates is shown. */
  #leaf: 0 | 1 = 0;
  #stopped = false;

  constructor(options: SimClientOptions, random: Random) {
    this.#options = options;
    this.routes = new Routes(
      options.relays.map((host) => ({ host, port: PORT })),
      random,
    );
  }

  /** Shows the other certificates from now on. */
  renew(): void {
    this.#leaf = this.#leaf === 0 ? 1 : 0;
  }

  /** Dials that are under way come to nothing. */
  stop(): void {
    this.#stopped = true;
  }

  /** Calls one of the two, later; neither when the process was killed. */
  dial(
    route: Route,
    onReached: (link: SimLink<Message>) => void,
    onFailed: (error: BeaconError) => void,
  ): void {
    const { net, name } = this.#options;
    net.dial(name, route.address.host, DIAL_TIMEOUT_MS, (link) => {
      if (this.#stopped) {
        link?.reset();
        return onFailed(new BeaconError('closed', 'stopped'));
      }
      if (link) return onReached(link);
      onFailed(new BeaconError('unreachable', 'the relay does not answer', { retry: true }));
    });
  }

  /** The first frame, with the certificates that the handshake would have shown. */
  hello(link: SimLink<Message>, role: 'bridge' | 'broker', frame: ClientFrame): void {
    if (frame.type !== 'hello') return link.send({ frame });
    link.send({ hello: frame, chain: this.#options.authority[role][this.#leaf] });
  }
}
