/** Writes into the history what can be seen at the edges of relays: frames that go in and out, and ends of connections. */
import type { RelayFrame } from '../../src/wire/frames.ts';
import { AUTHORITIES } from './authorities.ts';
import type { Message } from './message.ts';
import type { World } from './world.ts';

type Hello = Extract<Message, { hello: unknown }>;

/** By the root that a client showed, the same object as in {@link AUTHORITIES}. */
const INFO_HASHES = new Map(AUTHORITIES.map(({ infoHash, bridge }) => [bridge[0].at(-1), infoHash]));

/** Where a bridge was when it was offered to somebody. */
interface Offered {
  readonly bridge: string;
  readonly instance: string;
  readonly infoHash: string;
}

const NOBODY: Offered = { bridge: '', instance: '', infoHash: '' };

export class Observer {
  readonly world: World;
  readonly #offered = new Map<string, Offered>();

  constructor(world: World) {
    this.world = world;
  }

  /** A connection of `client` with `node` begins. */
  connection(client: string, node: string, { hello, chain }: Hello): ObservedConnection {
    const infoHash = INFO_HASHES.get(chain.at(-1)) ?? '';
    const id = this.world.nextNumber();
    if (hello.role === 'park') {
      const instance = hello.instance.toString('hex');
      return new ObservedPark(this.world, this.#offered, { id, client, instance, node, infoHash });
    }
    const asked = hello.infoHash.toString('hex');
    const { wanted, except, avoid } = hello;
    this.world.record({
      what: 'asked',
      attempt: id,
      broker: client,
      infoHash: asked,
      node,
      ...(wanted && { wanted: wanted.toString('hex') }),
      ...(except.length > 0 && { except: except.map((instance) => instance.toString('hex')) }),
      ...(avoid.length > 0 && { avoid }),
    });
    return new ObservedAttempt(this.world, this.#offered, id);
  }
}

/** One connection of a client, as its relay sees it. */
export interface ObservedConnection {
  /** The relay says something. True: the last frame, what comes after it are opaque bytes. */
  says(frame: RelayFrame): boolean;
  /** Nothing more comes or goes, or its process is gone. Idempotent. */
  over(): void;
}

class ObservedPark implements ObservedConnection {
  readonly #world: World;
  readonly #offered: Map<string, Offered>;
  readonly #who: {
    readonly id: number;
    readonly client: string;
    readonly instance: string;
    readonly node: string;
    readonly infoHash: string;
  };
  #parked = false;

  constructor(
    world: World,
    offered: Map<string, Offered>,
    who: {
      readonly id: number;
      readonly client: string;
      readonly instance: string;
      readonly node: string;
      readonly infoHash: string;
    },
  ) {
    this.#world = world;
    this.#offered = offered;
    this.#who = who;
  }

  says(frame: RelayFrame): boolean {
    const { id, client: bridge, instance, node, infoHash } = this.#who;
    if (frame.type === 'parked') {
      this.#parked = true;
      this.#world.record({ what: 'parked', park: id, bridge, instance, infoHash, node });
    } else if (frame.type === 'goaway') this.#world.reached('relay: goaway');
    else if (frame.type === 'draining') this.#world.reached('relay: a bridge was told of a drain');
    else if (frame.type === 'refused') {
      this.#world.reached(`relay: a bridge was refused ${frame.code}`);
      this.over();
    } else if (frame.type === 'offer') {
      this.#offered.set(frame.pairId.toString('hex'), { bridge, instance, infoHash });
      this.over();
      return true;
    }
    return false;
  }

  over(): void {
    if (this.#parked) this.#world.record({ what: 'unparked', park: this.#who.id });
    this.#parked = false;
  }
}

class ObservedAttempt implements ObservedConnection {
  readonly #world: World;
  readonly #offered: Map<string, Offered>;
  readonly #attempt: number;
  #open = true;

  constructor(world: World, offered: Map<string, Offered>, attempt: number) {
    this.#world = world;
    this.#offered = offered;
    this.#attempt = attempt;
  }

  says(frame: RelayFrame): boolean {
    if (frame.type === 'waiting') this.#world.reached('relay: a broker waits');
    if (frame.type === 'refused') {
      this.#world.reached(`relay: a broker was refused ${frame.code}`);
      this.#end({ what: 'refused', attempt: this.#attempt, code: frame.code });
    }
    if (frame.type !== 'paired') return false;
    const pairId = frame.pairId.toString('hex');
    const { bridge, instance, infoHash } = this.#offered.get(pairId) ?? NOBODY;
    this.#offered.delete(pairId);
    const path = frame.path.map(({ node }) => node);
    this.#end({ what: 'paired', attempt: this.#attempt, bridge, instance, infoHash, path });
    return true;
  }

  over(): void {
    this.#end({ what: 'left', attempt: this.#attempt });
  }

  #end(happening: Parameters<World['record']>[0]): void {
    if (this.#open) this.#world.record(happening);
    this.#open = false;
  }
}
