/**
 * Dials relays for bridge and broker: TLS with the client's certificate as proof, addresses in random order.
 * The first address that answers is taken; what went wrong with the others is in the error when none does.
 */
import type { Address } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import { BeaconError, messageOf } from '../base/errors.ts';
import { DIAL_TIMEOUT_MS } from '../base/limits.ts';
import type { Pin } from '../base/pin.ts';
import { type Random, shuffled } from '../base/random.ts';
import { dialTls } from '../net/dial.ts';
import type { Link } from '../net/link.ts';
import type { Trust } from '../net/trust.ts';
import { chainsTo } from '../pki/chains-to.ts';
import { ALPN } from '../wire/frames.ts';

export interface RelayDialerOptions {
  readonly addresses: readonly Address[];
  /** CA certificates (PEM) for the relay's own certificate; undefined: the system's store. */
  readonly relayCa: readonly string[] | undefined;
  readonly pins: readonly Pin[];
  /** Leaf, intermediates and bridge CA: the proof. */
  readonly identity: { readonly certPem: string; readonly keyPem: string };
  /** DER of the bridge CA. A relay under it could pose as the bridge, so it is refused. */
  readonly bridgeCa: Buffer;
  readonly clock: Clock;
  readonly random: Random;
}

export class RelayDialer {
  readonly #options: RelayDialerOptions;
  /** One object for all dials: TLS contexts are kept by it. */
  readonly #trust: Trust;

  constructor(options: RelayDialerOptions) {
    this.#options = options;
    this.#trust = { ...(options.relayCa && { ca: options.relayCa }), pins: options.pins };
  }

  /**
   * A link to one of the relays, before HELLO; the caller closes it. Throws BeaconError: that of the only address,
   * or `unreachable` naming what went wrong with each.
   */
  async dial(signal: AbortSignal): Promise<Link> {
    const failures: BeaconError[] = [];
    for (const address of shuffled(this.#options.random, this.#options.addresses)) {
      try {
        return await this.#dialOne(address, signal);
      } catch (error) {
        if (!(error instanceof BeaconError)) throw error;
        if (signal.aborted) throw error;
        failures.push(error);
      }
    }
    const [first] = failures;
    if (first && failures.length === 1) throw first;
    throw new BeaconError('unreachable', `no relay answers: ${failures.map(messageOf).join('; ')}`, {
      cause: first,
      retry: true,
    });
  }

  #dialOne(address: Address, signal: AbortSignal): Promise<Link> {
    const { identity, bridgeCa, clock } = this.#options;
    return dialTls({
      host: address.host,
      port: address.port,
      alpn: ALPN,
      trust: this.#trust,
      identity,
      timeoutMs: DIAL_TIMEOUT_MS,
      clock,
      signal,
      judgePeer: (chain) =>
        chainsTo(chain, bridgeCa)
          ? new BeaconError(
              'untrusted',
              "the relay's certificate comes from the bridge CA: such a relay could pose as the bridge; give it one from another CA ('beacon certs relay')",
            )
          : undefined,
    });
  }
}
