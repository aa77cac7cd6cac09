/** The broker's side of forwards: one mutually authenticated socket to the holder for each. */
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import { FORWARD_SILENCE_MS, FORWARD_SPARES } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import { type DialTlsOptions, dialTls } from '../../net/dial.ts';
import type { Link } from '../../net/link.ts';
import { FORWARD_ALPN } from '../../wire/forward-frames.ts';
import { type ForwardCredentials, forwardServerName } from '../forward-certificates.ts';
import { DialGate, type Leave } from './dial-gate.ts';
import { Outgoing } from './outgoing.ts';
import { Spares } from './spares.ts';
import type { ForwardRequest, HolderPlace, OutgoingForward, OutgoingHandler } from './types.ts';

const NODE_WORDS = {
  what: 'the forward port of a node',
  trustAdvice: 'give all nodes the same cluster secret',
};

export interface ForwarderOptions {
  readonly credentials: ForwardCredentials;
  readonly clock: Clock;
  readonly log: Log;
  /** Default: {@link dialTls}. */
  readonly dial?: (options: DialTlsOptions) => Promise<Link>;
  /** TLS with a holder is up, by that group. For metrics. */
  readonly onNegotiated?: (group: string) => void;
  /** Sockets kept open to each holder before they are needed. Default: FORWARD_SPARES. */
  readonly spares?: number;
}

export class Forwarder {
  readonly #options: ForwarderOptions;
  /** The same objects at every dial: TLS contexts are kept by them. */
  readonly #trust: { readonly ca: readonly string[] };
  /** Until joined, or until its socket is closed. The broker's side bounds them: one for each broker that waits. */
  readonly #open = new Set<Outgoing>();
  /** By holder, until it has answered all who dial it. */
  readonly #gates = new Map<string, DialGate>();
  /** By holder, while it is in use. */
  readonly #spares = new Map<string, Spares>();
  #closed = false;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#trust = { ca: options.credentials.caPems };
  }

  /** Forwards that are dialled, set up, or closing. */
  get open(): number {
    return this.#open.size;
  }

  /** Begins a forward; calls `handler` later only. Asserts that `request` keeps the limits of FORWARD.md. */
  forward(request: ForwardRequest, holder: HolderPlace, handler: OutgoingHandler): OutgoingForward {
    const { clock, log } = this.#options;
    const onFault = (error: unknown): void => {
      log.error('a forward was dropped by a fault of ours; debug logs say more');
      log.debug('the fault', { detail: messageOf(error) });
    };
    const outgoing = new Outgoing({
      request,
      spare: this.#sparesOf(holder).take(),
      node: holder.node,
      enter: (signal) => this.#enter(holder.node, signal),
      dial: (signal) => this.#dial(holder, signal),
      clock,
      handler,
      onFault,
      onDone: () => {
        this.#open.delete(outgoing);
        this.#sparesOf(holder).replenish();
      },
    });
    this.#open.add(outgoing);
    outgoing.start().catch(onFault);
    return outgoing;
  }

  /** Sockets that are open to holders and wait for a forward. */
  get spares(): number {
    return [...this.#spares.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Ends every forward that is not joined, as {@link OutgoingForward.cancel} does, sockets that are closing, and spares. */
  close(): void {
    this.#closed = true;
    for (const spares of this.#spares.values()) spares.close();
    this.#spares.clear();
    for (const outgoing of this.#open) outgoing.abort();
  }

  #sparesOf(holder: HolderPlace): Spares {
    // Also by address: a node that comes back under its name may stand somewhere else.
    const key = `${holder.node} ${holder.address.host} ${holder.address.port}`;
    const known = this.#spares.get(key);
    if (known) return known;
    const { clock, spares: count = FORWARD_SPARES } = this.#options;
    const spares: Spares = new Spares({
      count: this.#closed ? 0 : count,
      clock,
      dial: (signal) => this.#dial(holder, signal),
      onIdle: () => this.#spares.get(key) === spares && this.#spares.delete(key),
    });
    this.#spares.set(key, spares);
    return spares;
  }

  async #enter(node: string, signal: AbortSignal): Promise<Leave> {
    const gate = this.#gates.get(node) ?? new DialGate(this.#options.clock, node);
    this.#gates.set(node, gate);
    const leave = await gate.enter(signal);
    return (alive) => {
      leave(alive);
      if (gate.idle && this.#gates.get(node) === gate) this.#gates.delete(node);
    };
  }

  #dial({ node, address }: HolderPlace, signal: AbortSignal): Promise<Link> {
    const { clock, credentials, onNegotiated, dial = dialTls } = this.#options;
    return dial({
      ...address,
      name: `node ${node}`,
      timeoutMs: FORWARD_SILENCE_MS,
      signal,
      clock,
      alpn: FORWARD_ALPN,
      servername: forwardServerName(node),
      trust: this.#trust,
      identity: credentials,
      words: NODE_WORDS,
      ...(onNegotiated && { onNegotiated }),
    });
  }
}
