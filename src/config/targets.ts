/** Targets by their names: those that a bridge serves, and the listeners of a broker that lead to them. */
import { type Address, formatAddress, parseAddress } from '../base/address.ts';
import { BeaconError } from '../base/errors.ts';
import { LISTENS, NAME_BYTES, TARGETS } from '../base/limits.ts';
import { parseVaultAddr, type VaultAddr } from './vault-addr.ts';

/** Name of the secret store: of --vault-addr, and of a listener that names no target. */
export const VAULT_TARGET = 'vault';

export interface Listen extends Address {
  /** Name of the target, as the bridge knows it. */
  readonly target: string;
}

export interface Target {
  readonly name: string;
  readonly address: VaultAddr;
}

/** Reads `[host]:port` or `[host]:port=name`, separated by commas, each address once. Throws `config`. */
export function parseListens(
  text: string,
  { defaultPort }: { readonly defaultPort: number },
): readonly Listen[] {
  const listens = items(text, LISTENS).map((item) => {
    const { before, after } = splitAt(item);
    const address = parseAddress(before, { defaultPort, allowAnyHost: true });
    return { ...address, target: after === undefined ? VAULT_TARGET : checkedName(after) };
  });
  // Port 0 is another one each time.
  demandDifferent(listens.filter(({ port }) => port !== 0).map(formatAddress));
  return listens;
}

/** Reads `name=url`, separated by commas, each name once. Throws `config`. */
export function parseTargets(text: string): readonly Target[] {
  const targets = items(text, TARGETS).map((item) => {
    const { before, after } = splitAt(item);
    if (after === undefined) {
      // Whatever stands before an @ may be a password.
      const shown = item.includes('@') ? 'a target' : JSON.stringify(item);
      throw wrong(`${shown} has no name; expected name=url, such as db=tcp://127.0.0.1:5432`);
    }
    return { name: checkedName(before), address: parseVaultAddr(after) };
  });
  demandDifferent(targets.map(({ name }) => name));
  return targets;
}

/** Whether `text` may name a target: a DNS label in lower case (RFC 1035, section 2.3.4). */
export function isTargetName(text: string): boolean {
  return text.length <= NAME_BYTES && /^[a-z\d]([a-z\d-]*[a-z\d])?$/.test(text);
}

export interface TargetSettings {
  readonly vaultAddr: VaultAddr | undefined;
  readonly target: readonly Target[] | undefined;
}

/** All that a bridge serves. Throws `config` for none, and for two called {@link VAULT_TARGET}. */
export function targetsOf({ vaultAddr, target = [] }: TargetSettings): readonly Target[] {
  if (vaultAddr === undefined) {
    if (target.length > 0) return target;
    throw wrong("bridge needs --vault-addr (or BEACON_VAULT_ADDR) or --target; see 'beacon bridge --help'");
  }
  if (target.some(({ name }) => name === VAULT_TARGET)) {
    throw wrong(`--vault-addr is short for --target ${VAULT_TARGET}=...: leave one of them out`);
  }
  if (target.length >= TARGETS) throw wrong(`--target and --vault-addr: at most ${TARGETS} are possible`);
  return [{ name: VAULT_TARGET, address: vaultAddr }, ...target];
}

function items(text: string, most: number): readonly string[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.includes('')) throw wrong('an item of the list is empty');
  if (parts.length > most) throw wrong(`${parts.length} are given; at most ${most} are possible`);
  return parts;
}

function splitAt(item: string): { readonly before: string; readonly after: string | undefined } {
  const at = item.indexOf('=');
  return at < 0
    ? { before: item, after: undefined }
    : { before: item.slice(0, at).trim(), after: item.slice(at + 1).trim() };
}

function checkedName(name: string): string {
  if (isTargetName(name)) return name;
  const shown = JSON.stringify(name.slice(0, NAME_BYTES));
  throw wrong(
    `${shown} is no name of a target: use up to ${NAME_BYTES} lower-case letters, digits and hyphens`,
  );
}

function demandDifferent(names: readonly string[]): void {
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw wrong(`${twice} is in the list twice`);
}

function wrong(message: string): BeaconError {
  return new BeaconError('config', message);
}
