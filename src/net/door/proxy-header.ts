/**
 * The PROXY protocol, versions 1 and 2, on the receiving side: HAProxy's specification of 2020-03-05 (`proxy-protocol.txt`),
 * whose sections are named below. Pure; docs/decisions/0025-proxy-protocol.md says why it is our own.
 *
 *   1  "PROXY TCP4|TCP6 <source> <destination> <source port> <destination port>\r\n", or "PROXY UNKNOWN[ <anything>]\r\n"
 *   2  signature(12)  version and command(1)  family and transport(1)  length(2)  source, destination, ports, more
 */
import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { PROXY_V1_BYTES, PROXY_V2_BYTES } from '../../base/limits.ts';

/** Whom a connection is from, by its header. */
export type ProxySource =
  /** A client of the proxy: IP address, the shortest text, IPv4 also where the header says it as IPv4-mapped IPv6. */
  | { readonly kind: 'client'; readonly address: string; readonly port: number }
  /** The proxy itself, on its own account: LOCAL of version 2. Health checks are. */
  | { readonly kind: 'local' }
  /**
   * A client of the proxy that the header does not name: UNKNOWN of version 1, and of version 2 what is not TCP over IP.
   * The proxy's address is all that is known.
   */
  | { readonly kind: 'unknown' };

/** What is wrong with a header. */
export type ProxyFault =
  /** The bytes begin neither version of it. */
  | 'signature'
  /** Longer than {@link PROXY_V1_BYTES} or {@link PROXY_V2_BYTES}. */
  | 'tooLong'
  /** Version 1: not the fields, or the spaces, of section 2.1. */
  | 'line'
  | 'address'
  | 'port'
  /** Version 2: neither LOCAL nor PROXY, or another version. */
  | 'command'
  /** Version 2: a family or a transport that does not exist. */
  | 'family'
  /** Version 2: too short for its own addresses. */
  | 'tooShort';

export type ProxyHeader =
  /** What is there may become a header. */
  | { readonly kind: 'incomplete' }
  /** `length`: bytes of the header; what follows them is the connection's. */
  | { readonly kind: 'complete'; readonly source: ProxySource; readonly length: number }
  | { readonly kind: 'malformed'; readonly fault: ProxyFault };

const V1_START = Buffer.from('PROXY ');
const LINE_END = Buffer.from('\r\n');
const V2_SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
/** Up to the length, that included. */
const V2_FIXED_BYTES = 16;

const INCOMPLETE: ProxyHeader = { kind: 'incomplete' };
const LOCAL: ProxySource = { kind: 'local' };
const UNKNOWN: ProxySource = { kind: 'unknown' };

/**
 * The header that `bytes`, all that a connection has sent so far, begin with. Never throws; looks at no more than
 * {@link PROXY_V2_BYTES} of them, and says `incomplete` of fewer than that only. Keeps no reference to `bytes`.
 */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  if (begins(bytes, V1_START)) return parseLine(bytes);
  if (begins(bytes, V2_SIGNATURE)) return parseBinary(bytes);
  return malformed('signature');
}

/** Whether `bytes` are `start`, begin with it, or are the beginning of it. */
function begins(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}

/** Section 2.1. */
function parseLine(bytes: Buffer): ProxyHeader {
  const line = bytes.subarray(0, PROXY_V1_BYTES);
  const end = line.indexOf(LINE_END);
  if (end < 0) return line.length < PROXY_V1_BYTES ? INCOMPLETE : malformed('tooLong');
  const length = end + LINE_END.length;
  const [, family, source = '', destination = '', sourcePort = '', destinationPort = '', ...more] = line
    .toString('latin1', 0, end)
    .split(' ');
  // "The receiver must ignore anything presented before the CRLF."
  if (family === 'UNKNOWN') return { kind: 'complete', source: UNKNOWN, length };
  if ((family !== 'TCP4' && family !== 'TCP6') || more.length > 0) return malformed('line');
  const isAddress = family === 'TCP4' ? isIPv4 : isPlainIpv6;
  if (!isAddress(source) || !isAddress(destination)) return malformed('address');
  const port = parsePort(sourcePort);
  if (port === undefined || parsePort(destinationPort) === undefined) return malformed('port');
  const address = family === 'TCP4' ? source : ipaddr.process(source).toString();
  return { kind: 'complete', source: { kind: 'client', address, port }, length };
}

/** A zone (`%eth0`) means nothing on another machine. */
function isPlainIpv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%');
}

function parsePort(text: string): number | undefined {
  const port = /^(?:0|[1-9]\d{0,4})$/.test(text) ? Number(text) : Number.NaN;
  return port <= 65_535 ? port : undefined;
}

/** Section 2.2. What follows the addresses, checksums included, is skipped: see the decision. */
function parseBinary(bytes: Buffer): ProxyHeader {
  if (bytes.length < V2_FIXED_BYTES) return INCOMPLETE;
  const command = bytes.readUInt8(12);
  if (command !== 0x20 && command !== 0x21) return malformed('command');
  const length = V2_FIXED_BYTES + bytes.readUInt16BE(14);
  if (length > PROXY_V2_BYTES) return malformed('tooLong');
  if (bytes.length < length) return INCOMPLETE;
  // "Discard the protocol block including the family which is ignored."
  if (command === 0x20) return { kind: 'complete', source: LOCAL, length };
  const family = bytes.readUInt8(13);
  if (family >> 4 > 3 || (family & 0xf) > 2) return malformed('family');
  if (family === 0x11) return clientAt(bytes, length, 4);
  if (family === 0x21) return clientAt(bytes, length, 16);
  return { kind: 'complete', source: UNKNOWN, length };
}

/** The source in front of two addresses of `size` bytes and two ports. */
function clientAt(bytes: Buffer, length: number, size: 4 | 16): ProxyHeader {
  const ports = V2_FIXED_BYTES + 2 * size;
  if (length < ports + 4) return malformed('tooShort');
  const source = bytes.subarray(V2_FIXED_BYTES, V2_FIXED_BYTES + size);
  const address = size === 4 ? source.join('.') : ipv6Text(source);
  return { kind: 'complete', source: { kind: 'client', address, port: bytes.readUInt16BE(ports) }, length };
}

function ipv6Text(source: Buffer): string {
  const address = new ipaddr.IPv6([...source]);
  return address.isIPv4MappedAddress() ? address.toIPv4Address().toString() : address.toString();
}

function malformed(fault: ProxyFault): ProxyHeader {
  return { kind: 'malformed', fault };
}
