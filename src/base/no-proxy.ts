/**
 * NO_PROXY: which addresses are dialled without the proxy. There is no standard for it; these are curl's rules, with CIDRs
 * and ports as Go has them. Names are compared as written and never looked up.
 */
import type { Address } from './address.ts';
import { type Cidr, cidrHas } from './cidr.ts';
import { BeaconError } from './errors.ts';
import { parseIp } from './ip.ts';
import { NO_PROXY_RULES } from './limits.ts';

export interface NoProxyRule {
  /** '*': every host. A name, lower case, without dots around it: that host and all below it. */
  readonly host: string | Cidr;
  /** Default: every port. */
  readonly port?: number;
}

/**
 * Reads rules separated by commas or blanks; none is fine. What is no rule matches nothing, as the variable is shared with
 * other programs, which know other rules. Throws `config` for more than {@link NO_PROXY_RULES}.
 */
export function parseNoProxy(text: string): readonly NoProxyRule[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  if (words.length <= NO_PROXY_RULES) return words.map(parseRule);
  throw new BeaconError('config', `it has ${words.length} rules; at most ${NO_PROXY_RULES} are possible`);
}

/** Whether one of `rules` says that `address` is dialled without the proxy. */
export function skipsProxy(rules: readonly NoProxyRule[], { host, port }: Address): boolean {
  const bytes = addressBytes(host);
  const name = host.toLowerCase().replace(/\.$/, '');
  return rules.some((rule) => {
    if (rule.port !== undefined && rule.port !== port) return false;
    if (typeof rule.host !== 'string') return bytes !== undefined && cidrHas(rule.host, bytes);
    return rule.host === '*' || (!bytes && (name === rule.host || name.endsWith(`.${rule.host}`)));
  });
}

/** A word without a colon, one in brackets, or an IPv6 address; a port after it. */
function parseRule(word: string): NoProxyRule {
  const [, bracketed, plain = word, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(word) ?? [];
  const host = parseHost(bracketed ?? plain);
  return digits === undefined ? { host } : { host, port: Number(digits) };
}

function parseHost(text: string): string | Cidr {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const network = addressBytes(address);
  if (!network) return text === '*' ? text : text.toLowerCase().replace(/^\*?\.|\.$/g, '');
  const most = 8 * network.length;
  return { network, prefix: Math.min(most, bits === undefined ? most : Number(bits)) };
}

/** 4 bytes, also of IPv4-mapped IPv6, or 16; undefined for a name. */
function addressBytes(text: string): number[] | undefined {
  return parseIp(text)?.toByteArray();
}
