/** Keeps one connection to each expected member: dials, admits, watches, closes and dials again. */
import type { Connection, MultiaddrConnection } from '@libp2p/interface';
import type { Clock, Timer } from '../base/clock.ts';
import type { ClusterPeer } from '../base/cluster-peer.ts';
import { BeaconError, messageOf, systemCode } from '../base/errors.ts';
import { CLUSTER_DIAL_TICK_MS, CLUSTER_DIAL_TIMEOUT_MS, CLUSTER_LOOK_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { ClusterNode } from './libp2p-node.ts';
import { toMultiaddr } from './libp2p-node.ts';
import type { DialOutcome, Membership } from './membership.ts';
import { Watch } from './watch.ts';

/** Why we closed a connection. `spare`: a newer one to the same member exists. */
export type CloseReason = 'silent' | 'deaf' | 'flood' | 'spare';

export interface LinksOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly membership: Membership;
  readonly members: readonly ClusterPeer[];
  /** The name behind a connection that was admitted. */
  readonly nameOf: (connection: Connection) => string | undefined;
  /** Whether gossip can pass both ways on this connection. */
  readonly gossips: (connection: Connection) => boolean;
  readonly onConnected: (name: string) => void;
  readonly onDisconnected: (name: string) => void;
  readonly onClosed: (why: CloseReason) => void;
  readonly onReopened: () => void;
}

interface Dial {
  readonly address: string;
  readonly ended: Promise<void>;
  abort(): void;
}

interface Open {
  readonly name: string;
  readonly connection: Connection;
  readonly watch: Watch;
  ready: boolean;
}

export class Links {
  readonly #options: LinksOptions;
  readonly #dials = new Map<string, Dial>();
  /** By connection id. */
  readonly #open = new Map<string, Open>();
  /** Connections whose bytes have arrived since the last look; by the timeline that both of libp2p's objects share. */
  readonly #heard = new WeakSet<object>();
  #node: ClusterNode | undefined;
  #timers: Timer[] = [];

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  /** Call before the node starts; {@link start} after it. */
  attach(node: ClusterNode): void {
    this.#node = node;
    node.libp2p.addEventListener('connection:open', ({ detail }) => this.#onOpen(detail));
    node.libp2p.addEventListener('connection:close', ({ detail }) => this.#onClose(detail));
    // Only now is it known that the other side has admitted us: its first answer on a stream.
    node.libp2p.addEventListener('peer:identify', ({ detail }) => this.#onReady(detail.connection));
  }

  start(): void {
    const { clock } = this.#options;
    this.#timers = [
      clock.every(CLUSTER_DIAL_TICK_MS, () => this.#dialDue()),
      clock.every(CLUSTER_LOOK_MS, () => this.#look()),
    ];
  }

  /** Ends dials and watching, and reports nothing more; connections are the node's to close. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
    this.#open.clear();
    const dials = [...this.#dials.values()];
    for (const dial of dials) dial.abort();
    await Promise.all(dials.map(({ ended }) => ended));
  }

  dialOf(name: string): Dial | undefined {
    return this.#dials.get(name);
  }

  dialledName(address: string): string | undefined {
    return [...this.#dials].find(([, dial]) => dial.address === address)?.[0];
  }

  /** Has the arrival of any bytes on this connection count as life. */
  listenTo(connection: MultiaddrConnection): void {
    const { timeline } = connection;
    this.#heard.add(timeline);
    connection.addEventListener('message', () => this.#heard.add(timeline));
  }

  /** Connections to `name` that can be used, newest last: one, or none. Two for the moment in which one is replaced. */
  connectionsTo(name: string): Connection[] {
    const usable = [...this.#open.values()].filter((open) => open.name === name && open.ready);
    return usable.map(({ connection }) => connection).filter(isOpen);
  }

  /** Closes every connection of `name`. */
  cut(name: string, why: CloseReason): void {
    for (const open of [...this.#open.values()]) if (open.name === name) this.#close(open.connection, why);
  }

  #dialDue(): void {
    const { clock, membership } = this.#options;
    for (const name of membership.due(clock.now())) void this.#dial(name);
  }

  async #dial(name: string): Promise<void> {
    const { clock, membership, members, log } = this.#options;
    const address = toMultiaddr(members.find((member) => member.name === name) as ClusterPeer);
    const controller = new AbortController();
    const timer = clock.after(CLUSTER_DIAL_TIMEOUT_MS, () => controller.abort());
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    this.#dials.set(name, { address: address.toString(), ended, abort: () => controller.abort() });
    let outcome: DialOutcome = 'failed';
    try {
      // Forced: libp2p would otherwise hand out a connection that it has not yet seen to be gone.
      await this.#node?.libp2p.dial(address, { signal: controller.signal, force: true });
      outcome = 'opened';
    } catch (error) {
      if (isUnresolved(error)) outcome = 'unresolved';
      log.debug('a node could not be dialled', { node: name, detail: messageOf(error) });
    } finally {
      timer.cancel();
      this.#dials.delete(name);
      membership.dialEnded(name, outcome, clock.now());
      resolve();
    }
  }

  #onOpen(connection: Connection): void {
    const { clock, membership, nameOf } = this.#options;
    const name = nameOf(connection);
    if (name === undefined || !isOpen(connection)) return;
    this.#open.set(connection.id, { name, connection, watch: new Watch(), ready: false });
    const { close, abortDial } = membership.opened(name, connection.id, connection.direction, clock.now());
    if (abortDial) this.#dials.get(name)?.abort();
    for (const id of close) {
      const spare = this.#open.get(id);
      if (spare) this.#close(spare.connection, 'spare');
    }
  }

  #onReady(connection: Connection): void {
    const open = this.#open.get(connection.id);
    if (!open || !this.#options.membership.ready(open.name, connection.id)) return;
    open.ready = true;
    this.#options.log.info('a node is connected', { node: open.name });
    this.#options.onConnected(open.name);
  }

  #onClose(connection: Connection): void {
    const { clock, membership, log, onDisconnected } = this.#options;
    const open = this.#open.get(connection.id);
    if (!open) return;
    this.#open.delete(connection.id);
    if (!membership.closed(open.name, connection.id, clock.now())) return;
    log.info('a node is no longer connected', { node: open.name });
    onDisconnected(open.name);
  }

  #look(): void {
    for (const { connection, watch } of [...this.#open.values()]) {
      const heard = this.#heard.delete(connection.timeline);
      const verdict = watch.look({ heard, gossips: this.#options.gossips(connection) });
      if (verdict === 'reopen') this.#reopen(connection);
      else if (verdict !== 'fine') this.#close(connection, verdict);
    }
  }

  #reopen(connection: Connection): void {
    const { log, onReopened } = this.#options;
    onReopened();
    void this.#node?.reopenGossip(connection.remotePeer, connection).catch((error: unknown) => {
      log.debug('gossip could not be opened again', { detail: messageOf(error) });
    });
  }

  /** Aborts, because a clean close waits for a peer that may be gone. */
  #close(connection: Connection, why: CloseReason): void {
    this.#options.onClosed(why);
    this.#options.log.debug('the connection to a node is closed here', { reason: why });
    connection.abort(new BeaconError('closed', `closed: ${why}`));
  }
}

function isOpen(connection: Connection): boolean {
  return connection.status === 'open';
}

/** Whether the host has no address now: `ENOTFOUND`, `EAI_AGAIN` and their kin from getaddrinfo(3). */
function isUnresolved(error: unknown): boolean {
  const code = systemCode(error) ?? '';
  return code === 'ENOTFOUND' || code.startsWith('EAI_');
}
