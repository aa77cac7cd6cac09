/** Whose PROXY headers are believed: the networks of `--proxy-protocol-from`. */
import { type Cidr, cidrHas } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';

export class TrustedProxies {
  readonly #networks: readonly Cidr[];

  /** @param networks none: nobody is trusted, and no connection has a header. */
  constructor(networks: readonly Cidr[]) {
    this.#networks = networks;
  }

  /** Whether there is a network at all. */
  get configured(): boolean {
    return this.#networks.length > 0;
  }

  /**
   * Whether connections from the IP address `address` must begin with a PROXY header. An IPv4-mapped IPv6 address counts
   * as IPv4, and a zone (`%eth0`) is left out of account. False for what is no address.
   */
  has(address: string): boolean {
    if (this.#networks.length === 0) return false;
    const bytes = parseIp(address)?.toByteArray();
    return bytes !== undefined && this.#networks.some((network) => cidrHas(network, bytes));
  }
}
