/** Where the bridge finds the secret store. */
import { parseAddress } from '../base/address.ts';
import { BeaconError } from '../base/errors.ts';

export type VaultAddr =
  /** HTTP over TLS; the bridge verifies the store's certificate against `host`. */
  | { readonly scheme: 'https'; readonly host: string; readonly port: number }
  /** Plain HTTP, for a store on the bridge's own machine. */
  | { readonly scheme: 'http'; readonly host: string; readonly port: number }
  /** Bytes as they come: the client's own TLS ends in the store. */
  | { readonly scheme: 'tcp'; readonly host: string; readonly port: number };

const DEFAULT_PORT = { https: 443, http: 80, tcp: undefined } as const;
const EXPECTED = 'expected https://host:port, http://host:port or tcp://host:port';

/** Throws `config`. User names, paths and queries are refused: streams are passed on byte for byte. */
export function parseVaultAddr(text: string): VaultAddr {
  // Whatever stands before an @ may be a password and is not repeated.
  if (text.includes('@'))
    throw new BeaconError('config', `no user name or password may be part of it; ${EXPECTED}`);
  const match = /^(https|http|tcp):\/\/([^/?#]*)(\/?)(.*)$/is.exec(text.trim());
  if (!match)
    throw new BeaconError('config', `${JSON.stringify(text)} is not a URL of a secret store; ${EXPECTED}`);
  const [, scheme = '', authority = '', , rest = ''] = match;
  if (rest !== '') {
    throw new BeaconError(
      'config',
      `${JSON.stringify(text)} has a path or query; ${EXPECTED}, paths are the client's`,
    );
  }
  return withScheme(scheme.toLowerCase() as VaultAddr['scheme'], authority);
}

function withScheme(scheme: VaultAddr['scheme'], authority: string): VaultAddr {
  const defaultPort = DEFAULT_PORT[scheme];
  const { host, port } = parseAddress(authority, defaultPort === undefined ? {} : { defaultPort });
  return { scheme, host, port };
}
