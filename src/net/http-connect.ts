/**
 * CONNECT to an HTTP proxy (RFC 9110, section 9.3.6; RFC 9112): asks it to connect to an address, reads the head of its
 * answer, and leaves every byte after that to who comes next. The proxy looks the name up.
 */
import type { Socket } from 'node:net';
import { type Address, formatAddress } from '../base/address.ts';
import { BeaconError } from '../base/errors.ts';
import { PROXY_HEAD_BYTES } from '../base/limits.ts';
import type { DialLimit } from './dial-limit.ts';

/** An HTTP proxy, spoken to without TLS: what is relayed brings its own. */
export interface EgressProxy extends Address {
  /** Basic (RFC 7617). No part of them is in any text. */
  readonly credentials?: { readonly user: string; readonly password: string };
}

/** The proxy as texts name it: there is never more than one. */
export const THE_PROXY = 'the proxy';

/** Where a proxy is asked to connect. */
export interface ProxyTarget extends Address {
  /** How texts name it. Default: host:port. */
  readonly name?: string;
}

/**
 * Resolves when `socket`, connected to `proxy`, leads to `target`: it is paused, and its first bytes are unread. Rejects with
 * `unreachable` that says of the proxy what to do, or by `limit`; the socket is destroyed then.
 */
export function connectBy(
  socket: Socket,
  target: ProxyTarget,
  proxy: EgressProxy,
  limit: DialLimit,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const head = new ConnectHead();
  const onData = (chunk: Buffer): void => {
    try {
      const answer = head.push(chunk);
      if (!answer) return;
      const error = refusal(answer, target, proxy);
      if (error) return fail(error);
      socket.pause();
      detach();
      if (answer.rest.length > 0) socket.unshift(answer.rest);
      resolve();
    } catch (cause) {
      fail(proxyError('does not speak HTTP; check host and port of --proxy (or HTTPS_PROXY)', { cause }));
    }
  };
  const onCut = (cause?: unknown): void =>
    fail(
      proxyError('closed the connection before it answered; it may not allow this machine', {
        cause,
        retry: true,
      }),
    );
  const detach = (): void => {
    socket.off('data', onData).off('end', onCut).off('close', onCut).off('error', onCut);
  };
  const fail = (error: BeaconError): void => {
    detach();
    reject(error);
    socket.destroy();
  };
  limit.guard(socket, reject);
  socket.on('data', onData).on('end', onCut).on('close', onCut).on('error', onCut);
  socket.write(connectRequest(target, proxy));
  return promise;
}

/** What is sent: the target's host and port twice (RFC 9110, section 7.2), and the credentials. */
export function connectRequest(target: Address, { credentials }: EgressProxy): string {
  const authority = formatAddress(target);
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  if (credentials) {
    const { user, password } = credentials;
    lines.push(`Proxy-Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** The end of a head, as read from a proxy. */
export interface ConnectAnswer {
  /** Of a final answer: 200 to 599. */
  readonly status: number;
  /** Whether the proxy offers to take a user and a password, Basic. */
  readonly offersBasic: boolean;
  /** What came after the head. After a status of 2xx these are the target's bytes, whatever the head says of a length. */
  readonly rest: Buffer;
}

const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)(?: [^\0\r\n]*)?$/;
const FIRST_BYTES = Buffer.from('HTTP/1.');

/** Reads the head of an answer, in whatever pieces it comes. Interim answers (1xx) are skipped. Pure. */
export class ConnectHead {
  #bytes = Buffer.alloc(0);
  /** Bytes of interim heads that are read already. */
  #skipped = 0;

  /** The answer, once its head is whole. Throws `malformed` for what is none, or for more than {@link PROXY_HEAD_BYTES}. */
  push(chunk: Buffer): ConnectAnswer | undefined {
    const seen = this.#bytes.length;
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    let from = Math.max(0, seen - 3);
    for (;;) {
      const start = this.#bytes.subarray(0, FIRST_BYTES.length);
      if (!start.equals(FIRST_BYTES.subarray(0, start.length)))
        throw malformed('it does not begin with HTTP/1.');
      const end = endOfHead(this.#bytes, from);
      if (this.#skipped + (end ?? this.#bytes.length) > PROXY_HEAD_BYTES)
        throw malformed(`its head has more than ${PROXY_HEAD_BYTES} bytes`);
      if (end === undefined) return undefined;
      const answer = readHead(this.#bytes.subarray(0, end), this.#bytes.subarray(end));
      if (answer.status >= 200) return answer;
      this.#bytes = Buffer.from(answer.rest);
      this.#skipped += end;
      from = 0;
    }
  }
}

/** Past the empty line from which on the bytes are not HTTP. A line may end with LF alone (RFC 9112, section 2.2). */
function endOfHead(bytes: Buffer, from: number): number | undefined {
  for (let at = bytes.indexOf(0x0a, from); at >= 0; at = bytes.indexOf(0x0a, at + 1)) {
    if (bytes[at + 1] === 0x0a) return at + 2;
    if (bytes[at + 1] === 0x0d && bytes[at + 2] === 0x0a) return at + 3;
  }
  return undefined;
}

function readHead(head: Buffer, rest: Buffer): ConnectAnswer {
  const [first = '', ...fields] = head.toString('latin1').split(/\r?\n/);
  const [, digits] = STATUS_LINE.exec(first) ?? [];
  if (digits === undefined) throw malformed('its first line is no status line');
  const status = Number(digits);
  if (status === 101) throw malformed('it switches to another protocol, which nobody asked for');
  return {
    status,
    offersBasic: fields.some((field) => /^proxy-authenticate:.*\bbasic\b/i.test(field)),
    rest,
  };
}

function malformed(why: string): BeaconError {
  return new BeaconError('malformed', `this is no answer of an HTTP proxy: ${why}`);
}

function refusal(answer: ConnectAnswer, target: ProxyTarget, proxy: EgressProxy): BeaconError | undefined {
  const { status } = answer;
  if (status < 300) return undefined;
  // The proxy is there, but it cannot serve just now, or it does not reach the target just now.
  const retry = status >= 500 && status !== 501;
  return proxyError(`${advice(answer, target, proxy)} (HTTP status ${status})`, { retry });
}

function advice(
  { status, offersBasic }: ConnectAnswer,
  target: ProxyTarget,
  { credentials }: EgressProxy,
): string {
  const { name = formatAddress(target) } = target;
  switch (status) {
    case 407:
      if (!offersBasic) return 'wants a kind of authentication that beacon does not speak; allow Basic there';
      return credentials
        ? 'refuses the user or the password; correct them in --proxy and --proxy-password-file (or HTTPS_PROXY)'
        : 'wants a user and a password; pass --proxy http://USER@HOST:PORT and --proxy-password-file';
    case 403:
      return `does not allow connections to ${name}; have CONNECT to it allowed there`;
    case 400:
    case 404:
    case 405:
    case 501:
      return 'takes no CONNECT; check host and port of --proxy (or HTTPS_PROXY)';
    case 502:
    case 503:
    case 504:
      return `cannot reach ${name}; check --beacon-address, and that the proxy can look up and reach it`;
    default:
      return `did not connect to ${name}; its log may say why`;
  }
}

function proxyError(
  text: string,
  options: { readonly cause?: unknown; readonly retry?: boolean },
): BeaconError {
  return new BeaconError('unreachable', `${THE_PROXY} ${text}`, options);
}
