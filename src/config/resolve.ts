/** From command line and environment to the settings of one command. Pure: reads no file and no global. */
import { BeaconError, messageOf } from '../base/errors.ts';
import { type EgressSettings, egressOf } from './egress.ts';
import { checkTogether } from './rules.ts';
import {
  type CommandName,
  type CommandSetting,
  type Machine,
  type SettingName,
  type SettingsOf,
  settingsOf,
} from './settings.ts';
import { parseValue } from './types.ts';

/** What the command line said, by the setting's name; `true` for a flag without a value. */
export type Flags = Readonly<Partial<Record<SettingName, string | true>>>;
export type Environment = Readonly<Record<string, string | undefined>>;

/** A value as written, and the name of where it was written, for an error. */
interface Given {
  readonly text: string;
  readonly from: string;
}

/**
 * A flag wins over the environment, the environment over the default; an empty variable counts as not set.
 * Throws `config` with one line that names the flag or the variable, and what was expected.
 */
export function resolveSettings<C extends CommandName>(
  command: C,
  flags: Flags,
  env: Environment,
  machine: Machine,
): SettingsOf<C> {
  const values = resolveTable(command, settingsOf(command), flags, env, machine);
  // The table gives proxy and proxyPasswordFile to the same commands.
  const more = 'proxy' in values ? { egress: egressOf(values as unknown as EgressSettings, env) } : {};
  const settings = { ...values, ...more } as unknown as SettingsOf<C>; // settingsOf and SettingsOf read the same table
  checkTogether(command, settings);
  return settings;
}

/** The value of each setting in `table`, by name, as {@link resolveSettings} reads it. `command` is for errors. */
export function resolveTable(
  command: string,
  table: readonly CommandSetting[],
  flags: Flags,
  env: Environment,
  machine: Machine,
): Readonly<Record<string, unknown>> {
  requireAll(command, table, flags, env);
  return Object.fromEntries(
    table.map((setting) => [setting.name, settingValue(setting, flags, env, machine)]),
  );
}

function requireAll(command: string, table: readonly CommandSetting[], flags: Flags, env: Environment): void {
  const missing = table.filter((setting) => setting.required && !given(setting, flags, env));
  if (missing.length === 0) return;
  const names = missing.map(({ flag, env }) => `${flag} (or ${env})`).join(', ');
  throw new BeaconError('config', `${command} needs ${names}; see 'beacon ${command} --help'`);
}

function settingValue(setting: CommandSetting, flags: Flags, env: Environment, machine: Machine): unknown {
  const source = given(setting, flags, env) ?? fallback(setting, machine);
  if (!source) return undefined;
  try {
    return parseValue(setting.type, source.text);
  } catch (error) {
    throw new BeaconError('config', `${source.from}: ${said(messageOf(error), source.text)}`);
  }
}

/** What a parser says of `text`, without what it quotes of it where that may be a password or a key. */
function said(message: string, text: string): string {
  return /@|-----BEGIN/.test(text) ? message.replace(/"(?:[^"\\]|\\.)*"/g, '[not shown]') : message;
}

function given(
  { name, flag, env: variable }: CommandSetting,
  flags: Flags,
  env: Environment,
): Given | undefined {
  const value = flags[name];
  if (value !== undefined) return { text: value === true ? 'true' : value, from: flag };
  const text = env[variable];
  return text ? { text, from: variable } : undefined;
}

function fallback(setting: CommandSetting, machine: Machine): Given | undefined {
  const from = `default of ${setting.flag}`;
  if (setting.default !== undefined) {
    return {
      text: typeof setting.default === 'string' ? setting.default : setting.default.from(machine),
      from,
    };
  }
  return setting.type.kind === 'boolean' ? { text: 'false', from } : undefined;
}
