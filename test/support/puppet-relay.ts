/** A relay that does what a test says, for bridges and brokers that dial it in memory. */
import { BeaconError } from '../../src/base/errors.ts';
import { ROUTE_SETTLED } from '../../src/base/limits.ts';
import { type Random, systemRandom } from '../../src/base/random.ts';
import type { Reached } from '../../src/tunnel/relay-dialer.ts';
import { type Route, Routes } from '../../src/tunnel/routes.ts';
import { clientFrames, type FrameDecoder } from '../../src/wire/decode.ts';
import { encodeRelayFrame } from '../../src/wire/encode.ts';
import type { ClientFrame, RelayFrame } from '../../src/wire/frames.ts';
import { refusal } from '../../src/wire/refusal.ts';
import { settle } from './manual-clock.ts';
import { type MemoryLink, memoryLinks } from './memory-link.ts';

export const PAIR_ID = Buffer.alloc(16, 0xab);
/** Turns of the event loop within which whatever is going to happen in memory has happened. */
const TURNS = 50;

/** Stands for a RelayDialer. */
export class PuppetRelay {
  /** Every connection, in the order in which they were dialled. */
  readonly clients: PuppetClient[] = [];
  /** When set, dials fail with it. */
  down: BeaconError | undefined;

  /** Each address stands for a relay of its own, one by default: this one. */
  readonly routes: Routes;

  constructor(random: Random = systemRandom, addresses = 1) {
    const hosts = Array.from({ length: addresses }, (_, number) => `127.0.0.${number + 1}`);
    this.routes = new Routes(
      hosts.map((host) => ({ host, port: 443 })),
      random,
    );
    for (const [number, route] of this.routes.all.entries())
      for (let count = 0; count < ROUTE_SETTLED; count += 1)
        this.routes.answered(route, `relay-${number}`, 0);
  }

  async refresh(): Promise<void> {}

  readonly dialRoute = async (route: Route, signal: AbortSignal): Promise<Reached> => {
    await settle();
    if (signal.aborted) throw new BeaconError('closed', 'stopped');
    if (this.down) throw this.down;
    const [link, far] = memoryLinks();
    this.clients.push(new PuppetClient(far));
    return { link, route };
  };

  /** Connections by which a broker looks for a bridge: not those for a leg of a tunnel that it has. */
  get searches(): readonly PuppetClient[] {
    return this.clients.filter(({ wanted }) => wanted === undefined);
  }

  /** Connections that are open. */
  get open(): readonly PuppetClient[] {
    return this.clients.filter(({ gone }) => !gone);
  }

  /** Answers every HELLO that has none yet with PARKED. */
  async park(): Promise<void> {
    await quiet();
    for (const client of this.open) if (!client.greeted) client.sendParked();
    await quiet();
  }

  /** Resets all connections, as when the relay dies. */
  async die(): Promise<void> {
    for (const client of this.clients) client.link.reset();
    await quiet();
  }

  close(): void {
    for (const client of this.clients) client.link.reset();
  }
}

/** One connection at the relay. */
export class PuppetClient {
  /** The one bridge that a broker asked for. */
  wanted: Buffer | undefined;
  readonly link: MemoryLink;
  readonly frames: ClientFrame[] = [];
  greeted = false;
  gone = false;
  /** How it went: 'end', 'close'. */
  readonly events: string[] = [];
  readonly #decoder: FrameDecoder<ClientFrame> = clientFrames();
  readonly #onData = (chunk: Buffer): void => {
    this.#decoder.push(chunk);
    while (!this.#opaque) {
      const frame = this.#decoder.next();
      if (!frame) return;
      this.frames.push(frame);
      if (frame.type === 'hello') {
        this.wanted = frame.wanted;
        // This relay is the only node there is.
        if (frame.avoid.includes('relay-0')) this.refuse('avoided');
      }
      this.#opaque = frame.type === 'accept' || (frame.type === 'hello' && frame.role === 'connect');
    }
    // What follows belongs to the other client.
    const { stream } = this.link;
    stream.pause();
    stream.off('data', this.#onData);
    const rest = this.#decoder.takeRest();
    if (rest.length > 0) stream.unshift(rest);
  };
  #opaque = false;

  constructor(link: MemoryLink) {
    this.link = link;
    const { stream } = link;
    stream.on('data', this.#onData);
    stream.once('end', () => this.#onEvent('end'));
    stream.once('close', () => this.#onEvent('close'));
    stream.resume();
  }

  send(frame: RelayFrame): void {
    this.link.stream.write(encodeRelayFrame(frame));
  }

  sendParked(pingIntervalMs = 15_000, node = 'relay-0', zone = ''): void {
    this.greeted = true;
    this.send({ type: 'parked', node, zone, incarnation: 1, pingIntervalMs });
  }

  sendPaired(): void {
    const path = [{ node: 'relay-0', zone: 'eu-1' }] as const;
    this.send({ type: 'paired', pairId: PAIR_ID, bridge: Buffer.alloc(16, 1), path });
  }

  refuse(...details: Parameters<typeof refusal>): void {
    this.send(refusal(...details));
  }

  count(type: ClientFrame['type']): number {
    return this.frames.filter((frame) => frame.type === type).length;
  }

  #onEvent(event: string): void {
    this.gone = true;
    this.events.push(event);
  }
}

/** Resolves when all that can happen without time going on has happened. */
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await settle();
}
