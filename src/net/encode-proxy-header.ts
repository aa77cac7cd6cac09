/**
 * The PROXY protocol, version 2, on the sending side: section 2.2 of HAProxy's specification (`proxy-protocol.txt`). What is
 * read is door/proxy-header.ts. Pure.
 */
import assert from 'node:assert';
import { parseIp } from '../base/ip.ts';
import type { TcpEnds } from './tcp-ends.ts';

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
/** Version 2, command PROXY: on behalf of another. */
const PROXY = 0x21;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;

/** The header for a connection on behalf of `ends.source`, 28 or 52 bytes. */
export function encodeProxyHeader({ source, destination }: TcpEnds): Buffer {
  const addresses = [source, destination].map(({ host }) => Buffer.from(parseIp(host)?.toByteArray() ?? []));
  const [bytes = 0, other] = addresses.map(({ length }) => length);
  assert(bytes > 0 && bytes === other, 'both ends are IP addresses of one family');
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  const length = 2 * bytes + ports.length;
  const family = bytes === 4 ? TCP_OVER_IPV4 : TCP_OVER_IPV6;
  return Buffer.concat([
    SIGNATURE,
    Buffer.of(PROXY, family, length >> 8, length & 0xff),
    ...addresses,
    ports,
  ]);
}
