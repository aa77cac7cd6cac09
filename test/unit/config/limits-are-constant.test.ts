/** The limits are part of the product: no flag, variable or file changes one. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as limits from '../../../src/base/limits.ts';
import { buildProgram } from '../../../src/cli/program.ts';
import {
  COMMANDS,
  type CommandName,
  envOf,
  flagOf,
  SETTINGS,
  type SettingName,
  settingsOf,
} from '../../../src/config/settings.ts';

/** No limit: it has to fit what the service manager of a site gives a process to end. */
const NO_LIMIT: readonly SettingName[] = ['drainTimeout'];
const NAMES = (Object.keys(SETTINGS) as SettingName[]).filter((name) => !NO_LIMIT.includes(name));
const LIMITING = (command: CommandName) => settingsOf(command).filter(({ name }) => NAMES.includes(name));
/** What a setting for a limit would be called: the words of product.md, and what others call the same. */
const LIMIT_WORDS =
  /^(limits?|max|maximum|min|minimum|rates?|rps|slots?|splices|entries|maps?|sizes?|bytes|kb|mb|buffers?|windows?|queues?|backlog|timeouts?|deadline|wait|interval|period|ttl|lease|grace|seconds?|ms|keepalive|retry|retries|tries|attempts|burst|quota|cap|capacity|budget|threads?|handshakes?|connections|sources?|memory|descriptors|nofile|ulimit)$/i;

function wordsOf(name: string): readonly string[] {
  return name.split(/[-_\s]+/).filter((word) => word !== '');
}

describe('no setting', () => {
  it('has a name that speaks of a limit', () => {
    for (const name of NAMES) {
      for (const word of [...wordsOf(flagOf(name)), ...wordsOf(envOf(name))]) {
        expect(word, `${flagOf(name)} sounds like a limit`).not.toMatch(LIMIT_WORDS);
      }
    }
  });

  it('of the relay is a number', () => {
    const numbers = LIMITING('relay').filter(({ type }) => (type.kind as string) === 'integer');
    expect(numbers.map(({ flag }) => flag)).toEqual([]);
  });

  it('of any command has a unit of time or size', () => {
    const units = COMMANDS.flatMap((command) => LIMITING(command).map(({ unit }) => unit));
    expect(units.filter((unit) => unit !== undefined && unit !== 'connections')).toEqual([]);
  });

  it('shows up in --help beside those of the table', () => {
    for (const name of COMMANDS) {
      const command = buildProgram().commands.find((each) => each.name() === name);
      const table = settingsOf(name).map(({ flag }) => flag);
      const options = command?.options.map(({ long }) => long) ?? [];
      expect(options.length, name).toBeGreaterThan(5);
      expect(options.filter((flag) => flag !== '--help' && !table.includes(flag ?? ''))).toEqual([]);
      const shown = command?.helpInformation().match(/^ +(?:-\w, )?--[a-z-]+/gm) ?? [];
      const flags = shown.map((text) => text.replace(/^.*--/, '--'));
      expect(flags.length, name).toBeGreaterThanOrEqual(table.length);
      expect(flags.filter((flag) => flag !== '--help' && !table.includes(flag))).toEqual([]);
    }
  });
});

describe('limits.ts', () => {
  const files = readdirSync('src/base/limits').map((name) => readFileSync(`src/base/limits/${name}`, 'utf8'));
  const code = files.map((text) => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')).join('\n');

  it('exports numbers only', () => {
    const all = Object.entries(limits) as readonly (readonly [string, unknown])[];
    expect(all.length).toBeGreaterThan(100);
    const odd = all.filter(([, value]) => typeof value !== 'number' || !(value > 0 && value < Infinity));
    expect(odd).toEqual([]);
  });

  it('computes them from literals and each other, and from nothing else', () => {
    const statements = code.split(';').map((statement) => statement.trim().replace(/\s+/g, ' '));
    const odd = statements.filter(
      (statement) =>
        statement !== '' &&
        !/^import \{ [A-Z_, ]+ \} from '\.\/[a-z]+\.ts'$/.test(statement) &&
        !/^(export )?const [A-Z0-9_]+ = [A-Z0-9_ .*+/()-]+$/.test(statement),
    );
    expect(odd).toEqual([]);
  });

  it('holds the limits of product.md as they are written there', () => {
    expect(limits).toMatchObject({ SPLICE_SLOTS: 1_000, GOSSIP_VALUE_BYTES: 8_192 });
    expect(limits).toMatchObject({ RATE_CONNECTIONS: 100, RATE_WINDOW_MS: 60_000, RATE_SOURCES: 10_000 });
  });
});
