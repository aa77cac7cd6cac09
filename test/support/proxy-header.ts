/** Writes PROXY headers as a load balancer does, for tests and benchmarks. */
import assert from 'node:assert/strict';
import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** A client of the proxy, as {@link proxyV1} and {@link proxyV2} name it. IPv4 or IPv6, both addresses of one kind. */
export interface ProxiedClient {
  readonly source: string;
  readonly sourcePort?: number;
  /** Default: the loopback address of the same kind. */
  readonly destination?: string;
  readonly destinationPort?: number;
}

/** A field behind the addresses of version 2. */
export interface Tlv {
  readonly type: number;
  readonly value: Buffer;
}

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** Version 1: one line of text. */
export function proxyV1(client: ProxiedClient): Buffer {
  const { source, destination, sourcePort, destinationPort } = complete(client);
  const family = isIPv4(source) ? 'TCP4' : 'TCP6';
  return Buffer.from(`PROXY ${family} ${source} ${destination} ${sourcePort} ${destinationPort}\r\n`);
}

/** Version 2, command PROXY, TCP. */
export function proxyV2(client: ProxiedClient, tlvs: readonly Tlv[] = []): Buffer {
  const { source, destination, sourcePort, destinationPort } = complete(client);
  const addresses = [source, destination].map((text) => Buffer.from(ipaddr.parse(text).toByteArray()));
  assert.equal(addresses[0]?.length, addresses[1]?.length, 'both addresses are of one kind');
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(sourcePort, 0);
  ports.writeUInt16BE(destinationPort, 2);
  return rawProxyV2(0x21, isIPv4(source) ? 0x11 : 0x21, Buffer.concat([...addresses, ports, tlvBytes(tlvs)]));
}

/** Version 2, command LOCAL: the proxy speaks for itself. */
export function proxyLocal(tlvs: readonly Tlv[] = []): Buffer {
  return rawProxyV2(0x20, 0x00, tlvBytes(tlvs));
}

/** Version 2 with any command and family byte, whether they make sense or not. */
export function rawProxyV2(command: number, family: number, block: Buffer): Buffer {
  const fixed = Buffer.from([command, family, block.length >> 8, block.length & 0xff]);
  return Buffer.concat([SIGNATURE, fixed, block]);
}

function tlvBytes(tlvs: readonly Tlv[]): Buffer {
  return Buffer.concat(
    tlvs.flatMap(({ type, value }) => [Buffer.from([type, value.length >> 8, value.length & 0xff]), value]),
  );
}

function complete(client: ProxiedClient): Required<ProxiedClient> {
  const { source, sourcePort = 40_000, destinationPort = 443 } = client;
  const destination = client.destination ?? (isIPv4(source) ? '127.0.0.1' : '::1');
  return { source, sourcePort, destination, destinationPort };
}
