/** By which proxy a relay is dialled, from settings to what net/ needs, password read. */
import type { Address } from '../base/address.ts';
import { BeaconError, systemCode } from '../base/errors.ts';
import { PROXY_PASSWORD_BYTES } from '../base/limits.ts';
import { skipsProxy } from '../base/no-proxy.ts';
import { readAtMost, readProblem } from '../base/read-file.ts';
import type { Egress } from '../config/egress.ts';
import { flagOf } from '../config/settings.ts';
import type { EgressProxy } from '../net/http-connect.ts';

/** The proxy by which a relay is dialled; undefined: none. */
export type ProxyFor = (relay: Address) => EgressProxy | undefined;

/** Reads the password file once. Throws `config`; no text holds a part of the password. */
export async function loadEgress({ proxy: url, passwordFile, noProxy }: Egress): Promise<ProxyFor> {
  if (!url) return () => undefined;
  const { host, port, user } = url;
  const password = passwordFile === undefined ? url.password : await readPassword(passwordFile);
  const proxy: EgressProxy = {
    host,
    port,
    ...(user !== undefined && { credentials: { user, password: password ?? '' } }),
  };
  return (relay) => (skipsProxy(noProxy, relay) ? undefined : proxy);
}

/** The one line of `file`, blanks included, its line end not. */
async function readPassword(file: string): Promise<string> {
  const text = await readText(file);
  const password = text.replace(/\r?\n$/, '');
  if (password === '') throw problem(file, 'is empty');
  if (/\p{Cc}/u.test(password)) throw problem(file, 'has more than one line, or a control character in it');
  return password;
}

async function readText(file: string): Promise<string> {
  try {
    const bytes = await readAtMost(file, PROXY_PASSWORD_BYTES);
    if (!bytes)
      throw problem(
        file,
        `has more than ${PROXY_PASSWORD_BYTES} bytes; it holds the password and nothing else`,
      );
    return bytes.toString('utf8');
  } catch (cause) {
    if (cause instanceof BeaconError) throw cause;
    throw problem(file, readProblem(systemCode(cause)), cause);
  }
}

function problem(file: string, what: string, cause?: unknown): BeaconError {
  return new BeaconError('config', `${flagOf('proxyPasswordFile')} ${file} ${what}`, { cause });
}
