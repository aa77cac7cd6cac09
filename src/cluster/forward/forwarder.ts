/** The broker's side of forwards: one mutually authenticated socket to the holder for each. */
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import { FORWARD_SILENCE_MS } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import { dialTls } from '../../net/dial.ts';
import type { Link } from '../../net/link.ts';
import { FORWARD_ALPN } from '../../wire/forward-frames.ts';
import { type ForwardCredentials, forwardServerName } from '../forward-certificates.ts';
import { DialGate, type Leave } from './dial-gate.ts';
import { Outgoing } from './outgoing.ts';
import type { ForwardRequest, HolderPlace, OutgoingForward, OutgoingHandler } from './types.ts';

const NODE_WORDS = {
  what: 'the forward port of a node',
  trustAdvice: 'give all nodes the same cluster secret',
};

export interface ForwarderOptions {
  readonly credentials: ForwardCredentials;
  readonly clock: Clock;
  readonly log: Log;
}

export class Forwarder {
  readonly #options: ForwarderOptions;
  /** The same objects at every dial: TLS contexts are kept by them. */
  readonly #trust: { readonly ca: readonly string[] };
  /** Until joined, or until its socket is closed. The broker's side bounds them: one for each broker that waits. */
  readonly #open = new Set<Outgoing>();
  /** By holder, until it has answered all who dial it. */
  readonly #gates = new Map<string, DialGate>();

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
      node: holder.node,
      enter: (signal) => this.#enter(holder.node, signal),
      dial: (signal) => this.#dial(holder, signal),
      clock,
      handler,
      onFault,
      onDone: () => this.#open.delete(outgoing),
    });
    this.#open.add(outgoing);
    outgoing.start().catch(onFault);
    return outgoing;
  }

  /** Ends every forward that is not joined, as {@link OutgoingForward.cancel} does, and sockets that are closing. */
  close(): void {
    for (const outgoing of this.#open) outgoing.abort();
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
    const { clock, credentials } = this.#options;
    return dialTls({
      ...address,
      timeoutMs: FORWARD_SILENCE_MS,
      signal,
      clock,
      alpn: FORWARD_ALPN,
      servername: forwardServerName(node),
      trust: this.#trust,
      identity: credentials,
      words: NODE_WORDS,
    });
  }
}
