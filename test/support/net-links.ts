/** Real links for tests: listeners on free ports of 127.0.0.1, and dialled pairs. */
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { dialTcp, dialTls } from '../../src/net/dial.ts';
import type { Link } from '../../src/net/link.ts';
import { TcpListener } from '../../src/net/tcp-listener.ts';
import { TlsListener, type TlsListenerOptions } from '../../src/net/tls-listener.ts';
import { makePki } from './certificates.ts';
import { memoryLinks } from './memory-link.ts';

export const HOST = '127.0.0.1';
export const TEST_ALPN = 'test/1';
const TIMEOUT_MS = 5_000;

/** Two ends of one connection, and what has to be closed after it. */
export interface LinkPair {
  /** The end that dialled. */
  readonly a: Link;
  /** The end that was accepted. */
  readonly b: Link;
  close(): Promise<void>;
}

export const LINK_KINDS = ['memory', 'tcp', 'tls'] as const;
export type LinkKind = (typeof LINK_KINDS)[number];

/** The caller closes it. */
export function openPair(kind: LinkKind): Promise<LinkPair> {
  switch (kind) {
    case 'memory':
      return Promise.resolve(memoryPair());
    case 'tcp':
      return tcpPair();
    case 'tls':
      return tlsPair();
  }
}

export const relayCredentials = (): { certPem: string; keyPem: string } => {
  const { relay } = makePki();
  return { certPem: relay.certificate, keyPem: relay.key };
};

export const relayTrust = (): { ca: readonly string[] } => ({ ca: [makePki().relayCa.certificate] });

/** A TLS listener with the relay's certificate; `options` replace its defaults. */
export function tlsListener(options: Partial<TlsListenerOptions> = {}): TlsListener {
  return new TlsListener({
    host: HOST,
    port: 0,
    credentials: relayCredentials(),
    alpn: TEST_ALPN,
    requestCert: true,
    handshakeTimeoutMs: TIMEOUT_MS,
    clock: systemClock,
    log: silentLog,
    onLink: (link) => link.reset(),
    onNoise: () => {},
    ...options,
  });
}

function memoryPair(): LinkPair {
  const [a, b] = memoryLinks();
  return {
    a,
    b,
    close: () => {
      a.reset();
      b.reset();
      return Promise.resolve();
    },
  };
}

async function tcpPair(): Promise<LinkPair> {
  const accepted = Promise.withResolvers<Link>();
  const listener = new TcpListener({
    host: HOST,
    port: 0,
    handshakeTimeoutMs: TIMEOUT_MS,
    clock: systemClock,
    log: silentLog,
    onLink: accepted.resolve,
  });
  const { port } = await listener.listen();
  const a = await dialTcp({ host: HOST, port, timeoutMs: TIMEOUT_MS, clock: systemClock });
  return withClose(a, await accepted.promise, listener);
}

async function tlsPair(): Promise<LinkPair> {
  const accepted = Promise.withResolvers<Link>();
  const listener = tlsListener({ onLink: accepted.resolve });
  const { port } = await listener.listen();
  const a = await dialTls({
    host: HOST,
    port,
    alpn: TEST_ALPN,
    trust: relayTrust(),
    timeoutMs: TIMEOUT_MS,
    clock: systemClock,
  });
  return withClose(a, await accepted.promise, listener);
}

function withClose(a: Link, b: Link, listener: { close(): Promise<void> }): LinkPair {
  return {
    a,
    b,
    close: async () => {
      a.reset();
      b.reset();
      await listener.close();
    },
  };
}
