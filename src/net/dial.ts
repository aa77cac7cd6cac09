/** Outbound connections: TCP, and TLS with the relay or the secret store. */
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, connect as connectTls, type TLSSocket } from 'node:tls';
import { type Address, formatAddress } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import type { BeaconError } from '../base/errors.ts';
import { HAPPY_EYEBALLS_MS, KEEPALIVE_MS } from '../base/limits.ts';
import { withBuffers } from './buffers.ts';
import {
  connectError,
  handshakeError,
  type Peer,
  type PeerWords,
  pinError,
  RELAY_WORDS,
  wrongProtocolError,
} from './dial-errors.ts';
import { type DialLimit, limitDial } from './dial-limit.ts';
import { connectBy, type EgressProxy, THE_PROXY } from './http-connect.ts';
import type { Credentials, TlsVersion } from './server-context.ts';
import { ignoreErrors, plainAddress } from './socket-reset.ts';
import { TcpLink } from './tcp-link.ts';
import { TlsLink } from './tls-link.ts';
import { checksChain, clientContext, fitsPin, type Trust } from './trust.ts';

export interface DialTcpOptions {
  /** DNS name or IP address; of several addresses the first that answers is taken (RFC 8305). */
  readonly host: string;
  readonly port: number;
  /** How errors, which end in logs, name the other side. Default: host:port, of which a log says nothing. */
  readonly name?: string;
  /** What `host` stands for, in the order to try; of no use to a proxy. Default: it is looked up. */
  readonly ips?: readonly string[];
  /** Sent before everything else, TLS included. Default: nothing. */
  readonly preface?: Buffer;
  /** Leads there: it is dialled instead, and looks `host` up. Default: none. */
  readonly proxy?: EgressProxy;
  /** Milliseconds for look-up, TCP, proxy and TLS together. */
  readonly timeoutMs: number;
  /** Milliseconds in which TCP was connected: one round trip. To the proxy, where there is one. */
  readonly onRoundTrip?: (ms: number) => void;
  /** Ends the dial with `closed`. Of no effect once the link is handed out. */
  readonly signal?: AbortSignal;
  readonly clock: Clock;
}

export interface DialTlsOptions extends DialTcpOptions {
  /** The one protocol that is offered (RFC 7301). Default: none. */
  readonly alpn?: string;
  /** Whether a peer that chooses no protocol is refused. Default true; false for peers older than ALPN. */
  readonly alpnRequired?: boolean;
  /** The name that the certificate must bear, and that is sent as SNI. Default: `host`. */
  readonly servername?: string;
  /** Pass the same `ca` array when dialling again: TLS contexts are kept by it. */
  readonly trust: Trust;
  /** What we show when asked for a certificate: leaf and chain in one PEM. Pass the same object again as well. */
  readonly identity?: Credentials;
  /** Default: TLS 1.3. */
  readonly minVersion?: TlsVersion;
  /** A last word on the peer's chain (DER, leaf first) before the link is handed out: an error refuses it. */
  readonly judgePeer?: (chain: readonly Buffer[]) => BeaconError | undefined;
  /** The group of the key exchange, where the link is handed out. */
  readonly onNegotiated?: (group: string) => void;
  /** Default: the words for a relay. */
  readonly words?: PeerWords;
}

/** Connects; the caller owns the link. Throws `unreachable` (a retry can help) or `closed` (by the signal). */
export async function dialTcp(options: DialTcpOptions): Promise<TcpLink> {
  const limit = limitDial(nameOf(options), options);
  try {
    const socket = await openTcp(options, limit);
    return new TcpLink(socket, plainAddress(socket.remoteAddress ?? ''));
  } finally {
    limit.release();
  }
}

/**
 * Connects and does TLS; the caller owns the link. Throws `unreachable` and `closed` (both say whether a retry can
 * help), `untrusted`, `config` when the identity cannot be used, or what `judgePeer` returned.
 */
export async function dialTls(options: DialTlsOptions): Promise<TlsLink> {
  const context = clientContext(options.trust, options.identity, options.minVersion ?? 'TLSv1.3');
  const peer: Peer = { name: nameOf(options), words: options.words ?? RELAY_WORDS };
  const limit = limitDial(peer.name, options);
  try {
    const raw = await openTcp(options, limit);
    const source = plainAddress(raw.remoteAddress ?? '');
    const stream = await handshake(raw, peer, limit, {
      ...nameOptions(options),
      secureContext: context,
      rejectUnauthorized: checksChain(options.trust),
      ...(options.alpn !== undefined && { ALPNProtocols: [options.alpn] }),
    });
    const link = new TlsLink(stream, raw, source);
    const refusal = judge(link, peer, options);
    if (!refusal) {
      if (options.onNegotiated && link.group !== undefined) options.onNegotiated(link.group);
      return link;
    }
    link.reset();
    throw refusal;
  } finally {
    limit.release();
  }
}

/** Stands for a connection that was closed without an error. */
const CLOSED = { code: 'ECONNRESET' };

function judge(link: TlsLink, peer: Peer, options: DialTlsOptions): BeaconError | undefined {
  const { alpn, alpnRequired = true, trust, judgePeer } = options;
  if (alpn !== undefined && alpnRequired && link.stream.alpnProtocol !== alpn)
    return wrongProtocolError(peer);
  const { pins = [] } = trust;
  // To read the chain costs 0.1 ms, which every forward would pay.
  if (pins.length === 0 && !judgePeer) return isClosed(link) ? handshakeError(peer, CLOSED) : undefined;
  const [leaf] = link.peerChain;
  if (!leaf) return handshakeError(peer, CLOSED);
  if (pins.length > 0 && !pins.some((pin) => fitsPin(leaf, pin))) return pinError(peer);
  return judgePeer?.(link.peerChain);
}

/** Between the handshake and now. */
function isClosed({ stream }: TlsLink): boolean {
  return stream.destroyed;
}

function nameOptions({ host, servername = host }: DialTlsOptions): ConnectionOptions {
  return {
    // RFC 6066, section 3: no IP addresses in SNI.
    ...(isIP(servername) === 0 && { servername }),
    checkServerIdentity: (_asked, certificate) => checkServerIdentity(servername, certificate),
  };
}

function nameOf(options: DialTcpOptions): string {
  const name = options.name ?? formatAddress(options);
  return options.proxy ? `${name} through ${THE_PROXY}` : name;
}

async function openTcp(options: DialTcpOptions, limit: DialLimit): Promise<Socket> {
  const { preface } = options;
  const socket = await openPath(options, limit);
  if (preface) socket.write(preface);
  return socket;
}

async function openPath(options: DialTcpOptions, limit: DialLimit): Promise<Socket> {
  const { proxy } = options;
  if (!proxy) return connectSocket(options, limit.name, limit, options);
  const { clock, onRoundTrip } = options;
  const socket = await connectSocket(proxy, THE_PROXY, limit, {
    clock,
    ...(onRoundTrip && { onRoundTrip }),
  });
  await connectBy(socket, options, proxy, limit);
  return socket;
}

function connectSocket(
  { host, port }: Address,
  name: string,
  limit: DialLimit,
  { ips, clock, onRoundTrip }: Pick<DialTcpOptions, 'ips' | 'clock' | 'onRoundTrip'>,
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  let attemptAt = clock.now();
  const socket = connectTcp(
    withBuffers({
      host,
      port,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEPALIVE_MS,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: HAPPY_EYEBALLS_MS,
      ...(ips && ips.length > 0 && { lookup: lookupOf(ips) }),
    }),
  );
  socket.on('error', ignoreErrors);
  limit.guard(socket, reject);
  // After the look-up, and again where another address is tried.
  socket.on('connectionAttempt', () => {
    attemptAt = clock.now();
  });
  socket.once('connect', () => {
    onRoundTrip?.(clock.now() - attemptAt);
    resolve(socket);
  });
  socket.once('error', (error) => reject(connectError(name, error)));
  return promise;
}

/** Stands for a look-up that found `ips`: at least one. */
function lookupOf(ips: readonly string[]): LookupFunction {
  const found = ips.map((address) => ({ address, family: isIP(address) }));
  return (_host, { all }, done) => {
    if (all) return done(null, found);
    const [first] = found;
    done(null, first?.address ?? '', first?.family);
  };
}

function handshake(
  raw: Socket,
  peer: Peer,
  limit: DialLimit,
  options: ConnectionOptions,
): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const stream = connectTls(withBuffers({ ...options, socket: raw }));
  limit.guard(raw, reject);
  stream.once('secureConnect', () => resolve(stream));
  stream.on('error', (error) => {
    raw.destroy();
    reject(handshakeError(peer, error));
  });
  stream.once('close', () => reject(handshakeError(peer, CLOSED)));
  return promise;
}
