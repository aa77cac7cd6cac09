/** host:port as people write it, without a look-up. */
import { BeaconError } from './errors.ts';

export interface Address {
  /** DNS name or IP address, IPv6 without brackets. Empty: every address of this machine (to listen on). */
  readonly host: string;
  readonly port: number;
}

export interface AddressOptions {
  /** Taken where the text names no port; without it a port is needed. */
  readonly defaultPort?: number;
  /** For listening: the host may be left out, and port 0 asks for any free port. Default false. */
  readonly allowAnyHost?: boolean;
}

/** Reads `host:port`, `[v6]:port`, `host`, `[v6]` and, where allowed, `:port`. Throws `config`. */
export function parseAddress(text: string, options: AddressOptions = {}): Address {
  const trimmed = text.trim();
  const { host, port } = split(trimmed);
  checkHost(trimmed, host, options);
  return { host, port: parsePort(trimmed, port, options) };
}

/** Reads addresses separated by commas, at least one, each as {@link parseAddress} does. Throws `config`. */
export function parseAddressList(text: string, options: AddressOptions = {}): readonly Address[] {
  const addresses = text.split(',').map((part) => {
    if (part.trim() === '') throw bad(text, 'an address in the list is empty');
    return parseAddress(part, options);
  });
  const seen = new Set<string>();
  for (const address of addresses) {
    const name = formatAddress(address);
    if (seen.has(name)) throw bad(text, `${name} is in the list twice`);
    seen.add(name);
  }
  return addresses;
}

/** The text that {@link parseAddress} reads as `address`. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only processes of this machine can reach `host`. Makes no look-up: `localhost` is taken at its word. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  if (isIpv4(name)) return name.startsWith('127.');
  return name === 'localhost' || canonicalIpv6(name) === '::1';
}

interface Parts {
  readonly host: string;
  readonly port: string | undefined;
}

function split(text: string): Parts {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed) {
    const [, host = '', port] = bracketed;
    if (!isIpv6(host)) throw bad(text, 'what stands in brackets is not an IPv6 address');
    return { host, port };
  }
  if (isIpv6(text)) throw bad(text, `an IPv6 address stands in brackets: [${text}]`);
  const colon = text.lastIndexOf(':');
  return colon < 0
    ? { host: text, port: undefined }
    : { host: text.slice(0, colon), port: text.slice(colon + 1) };
}

function checkHost(text: string, host: string, options: AddressOptions): void {
  if (host === '') {
    if (options.allowAnyHost && text !== '') return;
    throw bad(text, 'the host is missing');
  }
  if (isIpv6(host) || isIpv4(host)) return;
  if (/^[\d.]+$/.test(host)) throw bad(text, `${JSON.stringify(host)} is not an IPv4 address`);
  if (!isDnsName(host)) throw bad(text, `${JSON.stringify(host)} is neither a DNS name nor an IP address`);
}

function parsePort(text: string, port: string | undefined, options: AddressOptions): number {
  if (port === undefined) {
    if (options.defaultPort !== undefined) return options.defaultPort;
    throw bad(text, 'the port is missing');
  }
  const lowest = options.allowAnyHost ? 0 : 1;
  const value = /^\d{1,5}$/.test(port) ? Number(port) : Number.NaN;
  if (value >= lowest && value <= 65_535) return value;
  throw bad(text, `the port must be a whole number from ${lowest} to 65535`);
}

function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

function isIpv6(text: string): boolean {
  return canonicalIpv6(text) !== undefined;
}

/** The shortest text (RFC 5952) of an IPv6 address without its zone (`%eth0`, RFC 4007), or undefined. */
function canonicalIpv6(text: string): string | undefined {
  const address = text.replace(/%[\w.-]+$/, '');
  if (!/^[\da-f:.]*:[\da-f:.]*$/i.test(address)) return undefined;
  return URL.parse(`http://[${address}]`)?.hostname.slice(1, -1);
}

/** RFC 1035 lengths; letters, digits, hyphens, and underscores, which service discovery uses. */
function isDnsName(text: string): boolean {
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  return name.length <= 253 && name.split('.').every((label) => /^[\w]([\w-]{0,61}[\w])?$/.test(label));
}

function bad(text: string, why: string): BeaconError {
  return new BeaconError('config', `${JSON.stringify(text)} is not an address: ${why}; expected host:port`);
}
