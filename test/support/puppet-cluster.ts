/** Relays in memory that park whoever comes, for a bridge that chooses among them. */
import { BeaconError } from '../../src/base/errors.ts';
import { integerBelow, type Random } from '../../src/base/random.ts';
import type { Reached, RelayChoice } from '../../src/tunnel/relay-dialer.ts';
import { type Route, Routes } from '../../src/tunnel/routes.ts';
import { memoryLinks } from './memory-link.ts';
import { PuppetClient } from './puppet-relay.ts';

/** Stands for a RelayDialer. */
export class PuppetCluster implements RelayChoice {
  readonly routes: Routes;
  readonly down = new Set<string>();
  /** Every connection, in the order in which they were dialled. */
  readonly clients: { readonly node: string; readonly client: PuppetClient }[] = [];
  /** Dials, those that failed as well. */
  dials = 0;
  /** Of the nodes, to HELLO, while they are silent. */
  #unanswered: (() => void)[] | undefined;
  readonly #nodes: readonly string[];
  readonly #random: Random;
  readonly #balanced: boolean;

  /** @param balanced one address before all nodes; otherwise each has its own. */
  constructor(nodes: readonly string[], random: Random, { balanced = false } = {}) {
    this.#nodes = nodes;
    this.#random = random;
    this.#balanced = balanced;
    const ports = balanced ? [1] : nodes.map((_, index) => index + 1);
    this.routes = new Routes(
      ports.map((port) => ({ host: '127.0.0.1', port })),
      random,
    );
  }

  async refresh(): Promise<void> {}

  async dialRoute(route: Route, signal: AbortSignal): Promise<Reached> {
    this.dials += 1;
    const up = this.#nodes.filter((node) => !this.down.has(node));
    const node = this.#balanced
      ? up[integerBelow(this.#random, Math.max(1, up.length))]
      : this.#nodes[route.address.port - 1];
    if (signal.aborted) throw new BeaconError('closed', 'stopped');
    if (node === undefined || this.down.has(node))
      throw new BeaconError('unreachable', 'no route', { retry: true });
    const [near, far] = memoryLinks();
    const client = new PuppetClient(far);
    this.clients.push({ node, client });
    const answer = (): void => void client.sendParked(undefined, node, `zone-${node}`);
    if (this.#unanswered) this.#unanswered.push(answer);
    else answer();
    return { link: near, route };
  }

  /** Open connections, as the nodes' letters in order: `aabc`. */
  get open(): string {
    const open = this.clients.filter(({ client }) => !client.gone);
    return open
      .map(({ node }) => node)
      .toSorted()
      .join('');
  }

  at(node: string): PuppetClient[] {
    return this.clients.filter((one) => one.node === node && !one.client.gone).map(({ client }) => client);
  }

  /** Nodes take connections, and park nobody until {@link answerAll}. */
  fallSilent(): void {
    this.#unanswered = [];
  }

  answerAll(): void {
    const answers = this.#unanswered ?? [];
    this.#unanswered = undefined;
    for (const answer of answers) answer();
  }

  /** All connections to `node` are reset, and it takes none until it is deleted from {@link down}. */
  kill(node: string): void {
    this.down.add(node);
    for (const client of this.at(node)) client.link.reset();
  }

  close(): void {
    for (const { client } of this.clients) client.link.reset();
  }
}
