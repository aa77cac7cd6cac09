/**
 * The header of a CONNECT by which the broker tells the bridge whose connection a stream is: TUNNEL.md, section 13. It is
 * inside the tunnel, so no relay sees it. Pure.
 */
import { parseIp } from '../base/ip.ts';
import type { TcpEnds } from '../net/tcp-ends.ts';

export const CLIENT_HEADER = 'beacon-client';

/** Its value. */
export function clientHeader({ source, destination }: TcpEnds): string {
  return [source.host, destination.host, source.port, destination.port].join(' ');
}

/** What the value `text` says; undefined for what is not exactly four fields that can be so. */
export function parseClientHeader(text: unknown): TcpEnds | undefined {
  if (typeof text !== 'string') return undefined;
  const [from = '', to = '', fromPort = '', toPort = '', ...more] = text.split(' ');
  const [source, destination] = [from, to].map((host) => (host.includes('%') ? undefined : parseIp(host)));
  const [sourcePort, destinationPort] = [fromPort, toPort].map(parsePort);
  if (!source || source.kind() !== destination?.kind() || more.length > 0) return undefined;
  if (sourcePort === undefined || destinationPort === undefined) return undefined;
  return {
    source: { host: source.toString(), port: sourcePort },
    destination: { host: destination.toString(), port: destinationPort },
  };
}

function parsePort(text: string): number | undefined {
  const port = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : Number.NaN;
  return port <= 65_535 ? port : undefined;
}
