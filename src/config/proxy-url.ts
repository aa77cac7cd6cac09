/** An egress proxy as people write it: http://host:port or http://user@host:port. */
import { type Address, parseAddress } from '../base/address.ts';
import { BeaconError } from '../base/errors.ts';

export interface ProxyUrl extends Address {
  /** Percent-decoded. */
  readonly user?: string;
  /** Percent-decoded. Only where the URL may hold one. */
  readonly password?: string;
}

export interface ProxyUrlOptions {
  /** Whether it may stand between user and host: in a variable, never on a command line, which all users can read. */
  readonly mayHoldPassword: boolean;
}

const EXPECTED = 'expected http://host:port or http://user@host:port';
const DEFAULT_PORT = 80;

/** Throws `config`, with a text that repeats nothing of what stands before the host. */
export function parseProxyUrl(text: string, { mayHoldPassword }: ProxyUrlOptions): ProxyUrl {
  const [, scheme = 'http', rest = ''] = /^(?:([a-z][a-z\d+.-]*):\/\/)?(.*)$/is.exec(text.trim()) ?? [];
  if (scheme.toLowerCase() !== 'http') {
    const shown = /^(https|socks[45]?[ah]?)$/i.test(scheme)
      ? `${scheme.toLowerCase()}:// proxies are`
      : 'this is';
    throw wrong(
      `${shown} not supported; ${EXPECTED} (TLS with the relay is inside, also through a plain proxy)`,
    );
  }
  const at = rest.lastIndexOf('@');
  const address = parseHost(rest.slice(at + 1));
  if (at < 0) return address;
  const [user = '', ...more] = rest.slice(0, at).split(':');
  if (more.length === 0) return { ...address, user: decoded(user) };
  if (!mayHoldPassword) {
    throw wrong(
      'a password must not stand in the URL, where other users of this machine can read it; ' +
        'write it to a file of mode 0600 and pass that with --proxy-password-file',
    );
  }
  return { ...address, user: decoded(user), password: decoded(more.join(':')) };
}

function parseHost(text: string): Address {
  const authority = text.replace(/\/$/, '');
  if (/[/?#]/.test(authority)) throw wrong(`it has a path or query; ${EXPECTED}`);
  try {
    return parseAddress(authority, { defaultPort: DEFAULT_PORT });
  } catch {
    // Not repeated: where the @ was forgotten, this is user and password.
    throw wrong(`host and port cannot be read; ${EXPECTED}`);
  }
}

/** RFC 7617, section 2: no control characters, and no colon in a user; the colon can come in by %3A. */
function decoded(text: string): string {
  let plain: string | undefined;
  try {
    plain = decodeURIComponent(text);
  } catch {
    throw wrong('a % in user or password must be written as %25');
  }
  if (/\p{Cc}/u.test(plain)) throw wrong('user and password must hold no control characters');
  return plain;
}

function wrong(message: string): BeaconError {
  return new BeaconError('config', message);
}
