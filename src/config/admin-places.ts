/** Where a process serves its health, and where its administration: the latter on loopback, always. */
import { type Address, formatAddress, isLoopback } from '../base/address.ts';
import { BeaconError, messageOf } from '../base/errors.ts';
import type { HealthSettings } from './health-settings.ts';
import { envOf, flagOf, SETTINGS } from './settings.ts';
import { parseValue } from './types.ts';

export interface AdminPlaces {
  /** Undefined: nowhere. */
  readonly health: Address | undefined;
  /** `health`: on the listener for health, which is on loopback then. Undefined: nowhere. */
  readonly admin: Address | 'health' | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const APART: Address = { host: '127.0.0.1', port: 8_081 };
const HEALTH_BY_DEFAULT = parseValue(SETTINGS.healthAddr.type, SETTINGS.healthAddr.default);
/** Who listens on every address is reached at one of these: nobody dials `0.0.0.0`. */
const LOOPBACK_OF: Readonly<Record<string, string>> = {
  '': '127.0.0.1',
  '0.0.0.0': '127.0.0.1',
  '::': '::1',
};

/** Throws `config` where other machines could reach the administration. */
export function adminPlaces({ healthAddr, adminAddr }: HealthSettings): AdminPlaces {
  const health = healthAddr === 'off' ? undefined : healthAddr;
  if (adminAddr === 'off') return { health, admin: undefined };
  if (adminAddr === undefined) return { health, admin: byDefault(health) };
  if (!isLoopback(adminAddr.host)) throw notLoopback(formatAddress(adminAddr));
  const isShared = health !== undefined && formatAddress(health) === formatAddress(adminAddr);
  return { health, admin: isShared && adminAddr.port !== 0 ? 'health' : adminAddr };
}

function byDefault(health: Address | undefined): AdminPlaces['admin'] {
  if (!health) return undefined;
  return isLoopback(health.host) ? 'health' : APART;
}

/** Whoever can reach the administration can drain a node. */
export function notLoopback(where: string): BeaconError {
  return new BeaconError(
    'config',
    `${flagOf('adminAddr')} ${where} can be reached from other machines; name an address of loopback, such as 127.0.0.1:8081`,
  );
}

/**
 * Where a tool finds the administration of a process of this machine: at `flag`, or where the same variables would have put
 * it. Throws `config` where that is nowhere.
 */
export function adminAddressFor(flag: string | undefined, env: Environment): Address {
  const healthAddr = given('healthAddr', env) ?? HEALTH_BY_DEFAULT;
  const { health, admin } = adminPlaces({ healthAddr, adminAddr: given('adminAddr', env, flag) });
  const address = admin === 'health' ? health : admin;
  if (address && address.port !== 0) return address;
  throw new BeaconError(
    'config',
    `the settings name no place of administration; say with ${flagOf('adminAddr')} where the process has it`,
  );
}

/**
 * Where a tool finds the health of a process of this machine: at `flag`, or where the same variable would have put it; on
 * loopback where that is every address. Throws `config` where it is nowhere.
 */
export function healthAddressFor(flag: string | undefined, env: Environment): Address {
  const address = given('healthAddr', env, flag) ?? HEALTH_BY_DEFAULT;
  if (address === 'off' || address.port === 0) {
    throw new BeaconError(
      'config',
      `the settings name no place of health; say with ${flagOf('healthAddr')} where the process has it`,
    );
  }
  return { host: LOOPBACK_OF[address.host] ?? address.host, port: address.port };
}

/** `flag`, or else the variable of the same setting. */
function given(
  name: 'healthAddr' | 'adminAddr',
  env: Environment,
  flag?: string,
): Address | 'off' | undefined {
  const text = flag ?? (env[envOf(name)] || undefined);
  if (text === undefined) return undefined;
  try {
    return parseValue(SETTINGS[name].type, text);
  } catch (error) {
    const from = flag === undefined ? envOf(name) : flagOf(name);
    throw new BeaconError('config', `${from}: ${messageOf(error)}`, { cause: error });
  }
}
