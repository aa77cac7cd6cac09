/** The screens of `--help`: options from the table of settings, and one look for every command. */
import { styleText } from 'node:util';
import { type Command, Option } from 'commander';
import type { CommandSetting } from '../config/settings.ts';
import { usageLine } from './errors.ts';
import type { Host } from './host.ts';

const NARROWEST = 80;
/** Longer lines are hard to read, however wide the screen is. */
const WIDEST = 100;

/** Gives `command` one option for each of `settings`. Defaults and variables are resolved later, not here. */
export function addSettings(command: Command, settings: readonly CommandSetting[]): void {
  for (const setting of settings) {
    const flags = setting.value === undefined ? setting.flag : `${setting.flag} <${setting.value}>`;
    const option = new Option(flags, describe(setting)).helpGroup(setting.group);
    command.addOption(setting.repeatable ? option.argParser(joined) : option);
  }
  command.helpOption('-h, --help', 'Show this text.');
}

/** A flag given again adds to its value, as a comma does. */
function joined(value: string, before: string | undefined): string {
  return before === undefined ? value : `${before},${value}`;
}

export interface Example {
  readonly text: string;
  /** Lines as typed; the first one begins with `beacon`. */
  readonly lines: readonly string[];
}

/** Puts `examples` at the end of the help of `command`. */
export function addExamples(command: Command, examples: readonly Example[]): void {
  const blocks = examples.map(({ text, lines }) => `  ${text}\n    ${lines.join(' \\\n      ')}`);
  command.addHelpText('after', ({ command: shown }) => {
    const title = shown.createHelp().styleTitle(examples.length === 1 ? 'Example:' : 'Examples:');
    return `\n${title}\n${blocks.join('\n\n')}`;
  });
}

/** One look and one way to fail for `command` and all commands below it. */
export function applyLook(command: Command, host: Host): void {
  command
    .exitOverride()
    .configureHelp({ styleTitle: title, subcommandTerm: (sub) => sub.name() })
    .configureOutput({
      writeOut: (text) => host.out(text),
      writeErr: (text) => host.error(text),
      outputError: (text, write) => write(usageLine(text, pathOf(command))),
      getOutHelpWidth: () => widthFor(host.columns),
      getErrHelpWidth: () => widthFor(host.columns),
      getOutHasColors: () => host.colors,
      getErrHasColors: () => host.colors,
    });
  for (const sub of command.commands) applyLook(sub, host);
}

function widthFor(columns: number | undefined): number {
  return Math.min(columns ?? NARROWEST, WIDEST);
}

/** commander takes the colour off again where the screen has none. */
function title(text: string): string {
  return styleText('bold', text, { validateStream: false });
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

function describe(setting: CommandSetting): string {
  const facts = [rangeOf(setting), defaultOf(setting), setting.env].filter((fact) => fact !== undefined);
  return `${setting.text}\n[${facts.join(', ')}]`;
}

function rangeOf({ type, unit }: CommandSetting): string | undefined {
  if (type.kind !== 'integer') return undefined;
  const range = `${type.min} to ${type.max}`;
  return unit === undefined ? range : `${range} ${unit}`;
}

function defaultOf({ default: value, required }: CommandSetting): string | undefined {
  if (required) return 'required';
  if (value === undefined || value === '') return undefined;
  return `default: ${typeof value === 'string' ? value : value.text}`;
}
