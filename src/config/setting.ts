/** What a line of the table of settings says; the table is in settings.ts. */
import type { SettingType } from './types.ts';

export const COMMANDS = ['relay', 'bridge', 'broker'] as const;
/** A command that takes settings from the table. */
export type CommandName = (typeof COMMANDS)[number];

/** What some defaults are taken from. */
export interface Machine {
  readonly hostname: string;
  readonly stderrIsTty: boolean;
}

/** A default that depends on the machine. */
export interface MachineDefault {
  readonly from: (machine: Machine) => string;
  /** How `--help` puts it. */
  readonly text: string;
}

/** What one command may say differently from the rest. */
export interface Override {
  readonly text?: string;
  readonly default?: string;
  readonly group?: string;
}

export interface Setting {
  readonly type: SettingType;
  /** Stands for the value in `--help`; absent for booleans. */
  readonly value?: string;
  /** Heading in `--help`. */
  readonly group: string;
  /** One or two sentences for `--help`. */
  readonly text: string;
  /** Written as on the command line, and read by the same parser. A boolean is false where none is given. */
  readonly default?: string | MachineDefault;
  readonly unit?: string;
  /** The flag may be given several times: the same as once, with commas in between, and so is the variable. */
  readonly repeatable?: true;
  /** The command does not start without it. */
  readonly required?: true;
  /** The commands that take this setting, in the order of `--help`. */
  readonly commands: Readonly<Partial<Record<CommandName, Override>>>;
}
