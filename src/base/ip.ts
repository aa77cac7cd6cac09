/** IP addresses as the kernel, headers and people write them. */
import ipaddr from 'ipaddr.js';

/** Without its zone (`%eth0`, RFC 4007). ipaddr.js takes letters and digits in one only; interfaces have more: `eth0.100`, `br-1`. */
export function withoutZone(text: string): string {
  const zone = text.indexOf('%');
  return zone < 0 ? text : text.slice(0, zone);
}

/**
 * `text` as an address, IPv4-mapped IPv6 as IPv4; undefined for what is none, and for forms of IPv4 that programs read in
 * several ways (`010.1.1.1`, `127.1`). A zone of IPv6 is left out.
 */
export function parseIp(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const bare = text.includes(':') ? withoutZone(text) : text;
  const isIp = ipaddr.IPv4.isValidFourPartDecimal(bare) || (bare.includes(':') && ipaddr.IPv6.isValid(bare));
  return isIp ? ipaddr.process(bare) : undefined;
}
