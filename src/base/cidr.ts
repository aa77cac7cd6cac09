/** Networks as people write them: an address, a slash, and how many of its first bits count (RFC 4632, RFC 4291). */
import ipaddr from 'ipaddr.js';
import { BeaconError } from './errors.ts';
import { PROXY_NETWORKS } from './limits.ts';

export interface Cidr {
  /** 4 bytes for IPv4, 16 for IPv6; those past the prefix are 0. An IPv4-mapped network is one of IPv4. */
  readonly network: readonly number[];
  /** Bits of `network` that count, at least 1. */
  readonly prefix: number;
}

/** Bits of the prefix `::ffff:0:0` under which IPv6 sockets show IPv4 addresses (RFC 4291, section 2.5.5.2). */
const MAPPED_BITS = 96;

/**
 * Reads networks separated by commas, at least one and at most {@link PROXY_NETWORKS}, each once. An address without a slash
 * is a network of one. Throws `config`.
 */
export function parseCidrs(text: string): readonly Cidr[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length > PROXY_NETWORKS) {
    throw new BeaconError(
      'config',
      `${parts.length} networks are given; at most ${PROXY_NETWORKS} are possible`,
    );
  }
  const cidrs = parts.map(parseCidr);
  const seen = new Set<string>();
  for (const cidr of cidrs) {
    const name = formatCidr(cidr);
    if (seen.has(name)) throw new BeaconError('config', `${name} is in the list of networks twice`);
    seen.add(name);
  }
  return cidrs;
}

/** The text that {@link parseCidrs} reads as `cidr`. */
export function formatCidr({ network, prefix }: Cidr): string {
  return `${ipaddr.fromByteArray([...network]).toString()}/${prefix}`;
}

/** Whether an IP address is in `cidr`. `address`: 4 bytes, also where IPv4 came as IPv4-mapped IPv6, or 16. */
export function cidrHas({ network, prefix }: Cidr, address: readonly number[]): boolean {
  if (address.length !== network.length) return false;
  const whole = prefix >> 3;
  for (let at = 0; at < whole; at += 1) if (address[at] !== network[at]) return false;
  const rest = prefix & 7;
  return rest === 0 || ((address[whole] ?? 0) ^ (network[whole] ?? 0)) >> (8 - rest) === 0;
}

function parseCidr(text: string): Cidr {
  const [, address = '', bits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const isIpv4 = ipaddr.IPv4.isValidFourPartDecimal(address);
  if (!isIpv4 && !(address.includes(':') && ipaddr.IPv6.isValid(address))) {
    throw bad(text, 'expected an IP address, a slash and a number of bits, such as 10.0.0.0/8 or fd00::/8');
  }
  const most = isIpv4 ? 32 : 128;
  const cidr = withoutMapping(
    ipaddr.parse(address).toByteArray(),
    bits === undefined ? most : Number(bits),
    most,
  );
  if (cidr.prefix > 8 * cidr.network.length) throw bad(text, `it has more than ${most} bits`);
  if (cidr.prefix < 1)
    throw bad(text, 'it is every address, so anybody could name any source; name the proxies');
  if (cidr.network.some((byte, at) => (byte & ~maskAt(at, cidr.prefix)) !== 0)) {
    const network = cidr.network.map((byte, at) => byte & maskAt(at, cidr.prefix));
    throw bad(text, `it has bits set past its prefix; is ${formatCidr({ ...cidr, network })} meant?`);
  }
  return cidr;
}

function withoutMapping(bytes: number[], prefix: number, most: number): Cidr {
  const mapped = bytes.length === 16 && bytes.slice(0, 10).every((byte) => byte === 0);
  if (mapped && bytes[10] === 255 && bytes[11] === 255 && prefix >= MAPPED_BITS && prefix <= most) {
    return { network: bytes.slice(12), prefix: prefix - MAPPED_BITS };
  }
  return { network: bytes, prefix };
}

/** Which bits of the byte at `at` a prefix of so many bits covers. */
function maskAt(at: number, prefix: number): number {
  const bits = Math.min(8, Math.max(0, prefix - 8 * at));
  return (0xff << (8 - bits)) & 0xff;
}

function bad(text: string, why: string): BeaconError {
  const short = text.length > 80 ? `${text.slice(0, 80)}...` : text;
  return new BeaconError(
    'config',
    `${JSON.stringify(short)} is not a network that can be named here: ${why}`,
  );
}
