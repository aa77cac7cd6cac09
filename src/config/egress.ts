/** By which proxy, if any, relays are dialled: --proxy, or the variables that other programs use as well. */
import { BeaconError, messageOf } from '../base/errors.ts';
import { type NoProxyRule, parseNoProxy } from '../base/no-proxy.ts';
import { type ProxyUrl, parseProxyUrl } from './proxy-url.ts';

export interface Egress {
  /** Undefined: relays are dialled directly. Its `password` is set where a variable held it. */
  readonly proxy: ProxyUrl | undefined;
  /** File with the password of `proxy`, where that has a user and no password. */
  readonly passwordFile: string | undefined;
  /** Which relays are dialled directly all the same. */
  readonly noProxy: readonly NoProxyRule[];
}

export interface EgressSettings {
  readonly proxy: ProxyUrl | undefined;
  readonly proxyPasswordFile: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Holds the password of --proxy, for who prefers a variable to a file. */
const PASSWORD = 'BEACON_PROXY_PASSWORD';

/**
 * --proxy counts alone, and for every relay. Without it `https_proxy` or else `HTTPS_PROXY` counts, and `no_proxy` or else
 * `NO_PROXY`. An empty variable is one that is not set. Throws `config`.
 */
export function egressOf({ proxy, proxyPasswordFile }: EgressSettings, env: Environment): Egress {
  if (proxy) return withPassword(proxy, '--proxy', [], proxyPasswordFile, env);
  const url = variable(env, ['https_proxy', 'HTTPS_PROXY']);
  if (!url) {
    if (proxyPasswordFile !== undefined)
      throw wrong('--proxy-password-file needs --proxy, with a user: http://user@host:port');
    return { proxy: undefined, passwordFile: undefined, noProxy: [] };
  }
  const rules = variable(env, ['no_proxy', 'NO_PROXY']);
  const noProxy = rules ? named(rules.name, () => parseNoProxy(rules.text)) : [];
  const parsed = named(url.name, () => parseProxyUrl(url.text, { mayHoldPassword: true }));
  return withPassword(parsed, url.name, noProxy, proxyPasswordFile, env);
}

function withPassword(
  proxy: ProxyUrl,
  from: string,
  noProxy: readonly NoProxyRule[],
  passwordFile: string | undefined,
  env: Environment,
): Egress {
  const given = variable(env, [PASSWORD]);
  if (proxy.user === undefined) {
    if (passwordFile !== undefined)
      throw wrong(`--proxy-password-file needs a user in ${from}: http://user@host:port`);
    return { proxy, passwordFile: undefined, noProxy };
  }
  if (proxy.password !== undefined) {
    if (passwordFile !== undefined)
      throw wrong(`--proxy-password-file and a password in ${from}: leave one of them out`);
    return { proxy, passwordFile: undefined, noProxy };
  }
  if (passwordFile !== undefined) return { proxy, passwordFile, noProxy };
  if (given) return { proxy: { ...proxy, password: given.text }, passwordFile: undefined, noProxy };
  throw wrong(`${from} names a user: give the password with --proxy-password-file (or ${PASSWORD})`);
}

interface Variable {
  readonly name: string;
  readonly text: string;
}

function variable(env: Environment, names: readonly string[]): Variable | undefined {
  const name = names.find((each) => env[each]);
  return name === undefined ? undefined : { name, text: env[name] ?? '' };
}

function named<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new BeaconError('config', `${name}: ${messageOf(cause)}`, { cause });
  }
}

function wrong(message: string): BeaconError {
  return new BeaconError('config', message);
}
