/**
 * The source that an address counts as. A customer of an IPv6 network has a whole /64 at the least, so one address of it
 * means nothing; most have a /56 or a /48, so these count as well.
 */
import ipaddr from 'ipaddr.js';
import { BeaconError } from '../../base/errors.ts';
import { withoutZone } from '../../base/ip.ts';

/**
 * Names a source, or a wider network, in a Map. Opaque, of five characters at the most and with memory of its own: the text
 * of an address may be a slice of a longer one.
 */
export type SourceKey = string;

/** The source of `address`: itself for IPv4, and for IPv4-mapped IPv6; else its /64. Throws as {@link networksOf}. */
export function sourceOf(address: string): SourceKey {
  return networksOf(address)[0];
}

/**
 * The source of `address`, then its /56 and its /48 where it is IPv6. A zone (`%eth0`, RFC 4007) is left out.
 *
 * @param address IP address as the kernel or a PROXY header writes it. Throws `malformed` for any other text, and for forms of
 *   IPv4 that programs read in several ways (`010.1.1.1`, `127.1`).
 */
export function networksOf(address: string): readonly [SourceKey, ...SourceKey[]] {
  const ipv4 = ipv4Key(address);
  if (ipv4 !== undefined) return [ipv4];
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = ipv6Parts(address);
  // ::ffff:0:0/96, IPv4-mapped (RFC 4291, section 2.5.5.2).
  if ((a | b | c | d | e) === 0 && f === 0xffff) return [String.fromCharCode(g, h)];
  // Told apart by their lengths: 2 characters for IPv4, 4 for a /64, 5 for a /56, 3 for a /48.
  return [
    String.fromCharCode(a, b, c, d),
    String.fromCharCode(a, b, c, d & 0xff00, 56),
    String.fromCharCode(a, b, c),
  ];
}

function ipv6Parts(address: string): readonly number[] {
  try {
    return ipaddr.IPv6.parse(withoutZone(address)).parts;
  } catch (cause) {
    throw new BeaconError('malformed', 'what a connection is said to come from is no IP address', { cause });
  }
}

const ZERO = 48;
const DOT = 46;

/** Four decimal numbers without leading zeros, by hand: nearly every connection of a flood comes by here. */
function ipv4Key(text: string): SourceKey | undefined {
  if (text.length > 15) return undefined;
  let bits = 0;
  let number = -1;
  let dots = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === DOT) {
      if (number < 0) return undefined;
      bits = (bits << 8) | number;
      number = -1;
      dots += 1;
    } else {
      const digit = code - ZERO;
      if (digit < 0 || digit > 9 || number === 0) return undefined;
      number = Math.max(number, 0) * 10 + digit;
      if (number > 255) return undefined;
    }
  }
  if (dots !== 3 || number < 0) return undefined;
  bits = (bits << 8) | number;
  return String.fromCharCode(bits >>> 16, bits & 0xffff);
}
