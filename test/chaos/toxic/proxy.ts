/** A TCP proxy between named places. What befalls the link of two of them, and in which direction, may change at any time. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { lookUp } from '../lookup.ts';
import { Flow, HARMLESS, type Toxin } from './flow.ts';

export interface Target {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** The connection begins with a header of the PROXY protocol that says whose it is. */
  readonly proxyHeader: boolean;
}

/** Of what goes from one place to another. */
export type ToxinOf = (from: string, to: string) => Toxin;

interface Pair {
  readonly dialler: string;
  readonly target: string;
  readonly sockets: readonly [Socket, Socket];
  readonly flows: readonly [Flow, Flow];
}

export class ToxicProxy {
  readonly #nameOf: (address: string) => Promise<string>;
  readonly #toxins = new Map<string, Toxin>();
  readonly #pairs = new Set<Pair>();
  readonly #servers: Server[] = [];

  /** @param nameOf whose address it is. */
  constructor(nameOf: (address: string) => Promise<string>) {
    this.#nameOf = nameOf;
  }

  listen(port: number, target: Target): Promise<Server> {
    const server = createServer(
      { allowHalfOpen: true, noDelay: true },
      (near) => void this.#join(near, target),
    );
    this.#servers.push(server);
    return new Promise((resolve) => server.listen(port, () => resolve(server)));
  }

  /** From now on. What was swallowed before never comes: such connections are cut when their link is harmless again. */
  set(from: string, to: string, toxin: Toxin): void {
    this.#toxins.set(`${from}>${to}`, toxin);
    if (toxin.swallows) return;
    for (const pair of this.#between(from, to)) if (pair.flows.some(({ hurt }) => hurt)) reset(pair);
  }

  /** Resets every connection between the two, whoever dialled; how many there were. */
  reset(one: string, other: string): number {
    const pairs = this.#between(one, other);
    for (const pair of pairs) reset(pair);
    return pairs.length;
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const pair of this.#pairs) reset(pair);
  }

  #between(one: string, other: string): Pair[] {
    return [...this.#pairs].filter(
      ({ dialler, target }) => (dialler === one && target === other) || (dialler === other && target === one),
    );
  }

  #toxin(from: string, to: string): Toxin {
    return this.#toxins.get(`${from}>${to}`) ?? HARMLESS;
  }

  async #join(near: Socket, target: Target): Promise<void> {
    near.on('error', () => near.destroy());
    near.pause();
    const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = near;
    const dialler = await this.#nameOf(remoteAddress);
    if (near.destroyed) return;
    const far = connect({
      host: target.host,
      port: target.port,
      lookup: lookUp,
      allowHalfOpen: true,
      noDelay: true,
    });
    const [from, to] = [plain(remoteAddress), plain(localAddress)];
    if (target.proxyHeader) far.write(`PROXY TCP4 ${from} ${to} ${remotePort} ${localPort}\r\n`);
    const { name } = target;
    const flows = [
      new Flow(near, far, () => this.#toxin(dialler, name)),
      new Flow(far, near, () => this.#toxin(name, dialler)),
    ] as const;
    const pair: Pair = { dialler, target: name, sockets: [near, far], flows };
    this.#pairs.add(pair);
    this.#watch(pair, near, far);
    this.#watch(pair, far, near);
    near.resume();
  }

  /** A connection that broke at one side breaks at the other, unless nobody may be told. */
  #watch(pair: Pair, own: Socket, other: Socket): void {
    own.on('error', () => {
      const [from, to] = own === pair.sockets[0] ? [pair.dialler, pair.target] : [pair.target, pair.dialler];
      if (this.#toxin(from, to).swallows) for (const flow of pair.flows) flow.hurt = true;
      else other.resetAndDestroy();
    });
    own.on('close', () => {
      if (!pair.sockets.every(({ destroyed }) => destroyed)) return;
      for (const flow of pair.flows) flow.stop();
      this.#pairs.delete(pair);
    });
  }
}

function reset({ sockets }: Pair): void {
  for (const socket of sockets) socket.resetAndDestroy();
}

/** IPv4 as it is, where a socket of both kinds writes it as one of IPv6. */
export function plain(address: string): string {
  return address.replace(/^::ffff:/, '');
}
