/**
 * Notices a load balancer that hides its clients: all connections of the first minute come from one private address. Then
 * the rate limit would count all clients as one. Pure; whoever accepts connections tells it of each.
 *
 * Loopback is left out: what comes from this machine is a test, a demo or a proxy whose owner knows of it.
 */
import { parseIp } from '../../base/ip.ts';
import { ONE_SOURCE_CONNECTIONS, ONE_SOURCE_WINDOW_MS } from '../../base/limits.ts';

/** RFC 1918, RFC 4193 and RFC 6598, by the names of ipaddr.js. */
const PRIVATE: ReadonlySet<string> = new Set(['private', 'uniqueLocal', 'carrierGradeNat']);

/** What to log, at `warn`, once {@link OneSource.sees} says so. It names no address. */
export const ONE_SOURCE_WARNING =
  'every connection of the first minute came from one private address: if that is a load balancer, all clients share ' +
  'its rate limit; let it send the PROXY protocol and name its network with --proxy-protocol-from';

export class OneSource {
  readonly #windowMs: number;
  readonly #least: number;
  /** Undefined once it is decided: from then on a connection costs nothing here. */
  #seen: { readonly address: string; readonly until: number; count: number } | 'none' | undefined = 'none';

  /** Defaults are the limits of the product; tests pass others. */
  constructor(windowMs: number = ONE_SOURCE_WINDOW_MS, least: number = ONE_SOURCE_CONNECTIONS) {
    this.#windowMs = windowMs;
    this.#least = least;
  }

  /**
   * A connection from the IP address `address` at `now` (milliseconds of a clock that never goes back). The window begins
   * with the first one. True at most once: with the first connection after the window, if at least so many as the limit
   * says came within it, and all from one private address.
   */
  sees(address: string, now: number): boolean {
    const seen = this.#seen;
    if (seen === undefined) return false;
    if (seen === 'none') {
      this.#seen = isPrivate(address) ? { address, until: now + this.#windowMs, count: 1 } : undefined;
      return false;
    }
    const isOver = now >= seen.until;
    if (!isOver && address === seen.address) {
      seen.count += 1;
      return false;
    }
    this.#seen = undefined;
    return isOver && seen.count >= this.#least;
  }
}

function isPrivate(address: string): boolean {
  const range = parseIp(address)?.range();
  return range !== undefined && PRIVATE.has(range);
}
