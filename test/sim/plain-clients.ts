/**
 * Clients that know the protocol of a relay and nothing else: bridges that keep two parks at each relay but one and send back
 * what they get, brokers that ask one relay after the other, send a few bytes and hang up. For tests of relays alone.
 */
import { PROTOCOL_VERSION, type Role } from '../../src/wire/frames.ts';
import type { Clients, SimBrokerClient, SimClient, SimClientOptions } from './client.ts';
import type { Message } from './message.ts';
import type { SimLink } from './net.ts';

/** All of them, whatever the run lets its clients know. */
const RELAYS = ['relay-0', 'relay-1', 'relay-2'];
const PARKS_PER_RELAY = 2;
const DIAL_MS = 2_000;
const PAUSE_MS = 500;
const ASK_MS = 400;
const PIECE_BYTES = 3_000;

export interface PlainOptions {
  /** Between two questions of a broker. Default 400. */
  readonly askMs?: number;
  /** How long a broker stays when it has got all. Default: not at all. */
  readonly holdMs?: number;
}

export function plainClients({ askMs = ASK_MS, holdMs = 0 }: PlainOptions = {}): Clients {
  return {
    bridge: (options) => new PlainBridge(options),
    broker: (options) => new PlainBroker(options, { askMs, holdMs }),
  };
}

class PlainBridge implements SimClient {
  readonly #options: SimClientOptions;
  readonly #instance: Buffer;
  readonly #links = new Set<SimLink<Message>>();
  readonly #spliced = new Set<SimLink<Message>>();
  #isStopped = false;

  constructor(options: SimClientOptions) {
    this.#options = options;
    this.#instance = options.world.random.bytes(16);
    const { name } = options;
    const without = `relay-${name.split('-')[1]}`;
    for (const relay of RELAYS.filter((each) => each !== without))
      for (let park = 0; park < PARKS_PER_RELAY; park += 1) this.#park(relay);
  }

  stop(onStopped: () => void): void {
    this.#isStopped = true;
    for (const link of this.#links) link.reset();
    this.#links.clear();
    this.#options.clock.after(DIAL_MS, onStopped);
  }

  kill(): void {}
  renew(): void {}

  held(): { sessions: number; streams: number } {
    return { sessions: 0, streams: 0 };
  }

  #park(relay: string): void {
    const { net, name } = this.#options;
    if (this.#isStopped) return;
    net.dial(name, relay, DIAL_MS, (link) => {
      if (!link || link.over || this.#isStopped) {
        link?.reset();
        return this.#parkLater(relay);
      }
      this.#links.add(link);
      link.handle({
        onMessage: (message) => this.#onMessage(relay, link, message),
        onEnd: () => this.#ended(relay, link),
      });
      link.send(helloOf(this.#options, 'park', this.#instance));
    });
  }

  #parkLater(relay: string): void {
    const { clock, world } = this.#options;
    clock.after(PAUSE_MS * (1 + world.random.fraction()), () => this.#park(relay));
  }

  #ended(relay: string, link: SimLink<Message>): void {
    if (this.#links.delete(link) && !this.#spliced.delete(link)) this.#parkLater(relay);
  }

  #onMessage(relay: string, link: SimLink<Message>, message: Message): void {
    if ('fin' in message) {
      link.close();
      return this.#ended(relay, link);
    }
    if ('opaque' in message) return link.send(message, message.opaque.length);
    if (!('frame' in message)) return;
    const { frame } = message;
    if (frame.type === 'ping') link.send({ frame: { type: 'pong', token: frame.token } });
    if (frame.type === 'goaway') {
      link.close();
      this.#ended(relay, link);
    }
    if (frame.type !== 'offer') return;
    link.send({ frame: { type: 'accept', pairId: frame.pairId } });
    this.#spliced.add(link);
    this.#parkLater(relay);
  }
}

class PlainBroker implements SimBrokerClient {
  readonly #options: SimClientOptions;
  readonly #links = new Set<SimLink<Message>>();
  readonly #plan: Required<PlainOptions>;
  #asked = 0;
  #isStopped = false;

  constructor(options: SimClientOptions, plan: Required<PlainOptions>) {
    this.#options = options;
    this.#plan = plan;
    this.#askLater();
  }

  open(): void {}

  tellTunnels(): void {}

  stop(onStopped: () => void): void {
    this.#isStopped = true;
    for (const link of this.#links) link.reset();
    this.#options.clock.after(DIAL_MS, onStopped);
  }

  kill(): void {}
  renew(): void {}

  held(): { sessions: number; streams: number } {
    return { sessions: 0, streams: 0 };
  }

  #askLater(): void {
    this.#options.clock.after(this.#plan.askMs, () => {
      if (this.#isStopped) return;
      this.#ask();
      this.#askLater();
    });
  }

  #ask(): void {
    const { net, name, clock, world } = this.#options;
    this.#asked += 1;
    const stream = world.nextNumber();
    const relay = RELAYS[this.#asked % RELAYS.length] ?? '';
    const sent = world.random.bytes(PIECE_BYTES);
    net.dial(name, relay, DIAL_MS, (link) => {
      if (!link || this.#isStopped) return link?.reset();
      this.#links.add(link);
      let got = 0;
      link.handle({
        onEnd: () => this.#links.delete(link),
        onMessage: (message) => {
          if ('opaque' in message) {
            const { length: bytes } = message.opaque;
            const wrong = message.opaque.equals(sent.subarray(got, got + bytes)) ? {} : { wrongAt: got };
            world.record({ what: 'read', stream, side: 'client', from: got, bytes, ...wrong });
            got += bytes;
            if (got === sent.length) clock.after(this.#plan.holdMs, () => link.close());
          } else if ('fin' in message) {
            link.close();
            this.#links.delete(link);
          } else if ('frame' in message && message.frame.type === 'ping')
            link.send({ frame: { type: 'pong', token: message.frame.token } });
        },
      });
      link.send(helloOf(this.#options, 'connect', Buffer.alloc(16, this.#asked)));
      // Early: a broker need not wait to be paired.
      link.send({ opaque: sent.subarray(0, 1_000) }, 1_000);
      link.send({ opaque: sent.subarray(1_000) }, PIECE_BYTES - 1_000);
    });
  }
}

function helloOf({ authority }: SimClientOptions, role: Role, instance: Buffer): Message {
  const hello = {
    type: 'hello',
    version: PROTOCOL_VERSION,
    role,
    infoHash: authority.infoHashBytes,
    instance,
    software: 'plain',
    wanted: undefined,
    except: [],
    avoid: [],
  } as const;
  return { hello, chain: role === 'park' ? authority.bridge[0] : authority.broker[0] };
}
