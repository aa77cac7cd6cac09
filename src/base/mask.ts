/**
 * Takes addresses, host names and info_hashes out of the texts of log lines. The log does this to every line, whoever wrote
 * it: errors of the system, of OpenSSL and of libraries name addresses as well. docs/decisions/0038-what-a-log-may-say.md.
 *
 * A host name looks like any other word, so it is known by what stands beside it: a port, a URL, a look-up. A bare one cannot
 * be told from a file or a node, which is why errors of dialling name a place in the list and no host. Pure.
 */
import ipaddr from 'ipaddr.js';
import { parseIp } from './ip.ts';

/** hide: nothing is left of them · network: IPv4 to /24, IPv6 to /48, 8 digits of an info_hash. Ports and names go in both. */
export type MaskMode = 'hide' | 'network';

const HIDDEN = '[address]';
const HIDDEN_HASH = '[info_hash]';
const HASH_DIGITS = 8;

const URL_HOST = /\b([a-z][a-z\d+.-]{0,15}:\/\/)[^\s/"',;)]+/gi;
/** As libp2p writes addresses. */
const MULTIADDR = /\/(?:ip4|ip6|dns|dns4|dns6|dnsaddr)\/([^\s/,]+)(?:\/(?:tcp|udp)\/\d+)?/gi;
const LOOK_UP = /\b((?:getaddrinfo|query[a-z]*) [A-Z_]+) [^\s,;)]+/g;
const BRACKETED = /\[([\da-f:.]+(?:%[\w.-]+)?)\](?::\d{1,5})?/gi;
/** At least two colons. Times, and fingerprints with colons, look so too: {@link parseIp} says what is an address. */
const IPV6 = /(?<![\w:.])(?=[\da-f]*:[\da-f]*:)([\da-f:.]+)(%[\w.-]+)?(?:\/\d{1,3})?/gi;
const IPV4 = /(?<![\w.])((?:\d{1,3}\.){3}\d{1,3})(?!\w|\.\d)(?::\d{1,5})?(?:\/\d{1,2})?/g;
const HOST_PORT = /(?<![\w.:/-])(?=[\w.-]*[a-z])[\w-]+(?:\.[\w-]+)*\.?:\d{1,5}(?!\w|:\w)/gi;
const HASH = /(?<![\da-z])[\da-f]{64}(?![\da-z])/gi;

/** `text` without them. Masking again changes nothing. */
export function mask(text: string, mode: MaskMode): string {
  const host = (name: string): string => maskedIp(name, mode) ?? HIDDEN;
  return text
    .replace(URL_HOST, (_all, scheme: string) => `${scheme}${HIDDEN}`)
    .replace(MULTIADDR, (_all, name: string) => host(name))
    .replace(LOOK_UP, (_all, call: string) => `${call} ${HIDDEN}`)
    .replace(BRACKETED, (all, ip: string) => maskedIp(ip, mode) ?? all)
    .replace(IPV6, (all, ip: string) => maskedIpv6(ip, mode) ?? all)
    .replace(IPV4, (all, ip: string) => maskedIp(ip, mode) ?? all)
    .replace(HOST_PORT, HIDDEN)
    .replace(HASH, (hash) => (mode === 'hide' ? HIDDEN_HASH : `${hash.slice(0, HASH_DIGITS)}...`));
}

function maskedIp(text: string, mode: MaskMode): string | undefined {
  const ip = parseIp(text);
  if (!ip) return undefined;
  if (mode === 'hide') return HIDDEN;
  if (ip instanceof ipaddr.IPv4) return `${ip.octets.slice(0, 3).join('.')}.0/24`;
  return `${new ipaddr.IPv6([...ip.parts.slice(0, 3), 0, 0, 0, 0, 0])}/48`;
}

/** What follows the address may be the sentence's (`::1: refused`) or, without brackets as Node writes it, a port. */
function maskedIpv6(text: string, mode: MaskMode): string | undefined {
  const whole = maskedIp(text, mode);
  if (whole !== undefined) return whole;
  const [, bare = '', end = ''] = /^(.*?)([.:]?)$/.exec(text) ?? [];
  const masked = maskedIp(bare, mode) ?? maskedIp(bare.replace(/:\d{1,5}$/, ''), mode);
  return masked === undefined ? undefined : `${masked}${end}`;
}
