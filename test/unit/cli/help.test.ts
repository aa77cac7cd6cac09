import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addExamples, addSettings, applyLook } from '../../../src/cli/help.ts';
import { COMMANDS, type CommandName, settingsOf } from '../../../src/config/settings.ts';
import { testHost } from '../../support/cli-host.ts';

function screen(name: CommandName, columns?: number): string {
  const host = testHost({}, columns);
  const command = new Command(name).description('Text.');
  addSettings(command, settingsOf(name));
  addExamples(command, [{ text: 'Like this:', lines: ['beacon x', '--y'] }]);
  applyLook(command, host);
  command.outputHelp();
  return host.printed().out;
}

describe.each(COMMANDS)('help of %s', (name) => {
  it('shows flag, variable and default of every setting', () => {
    const text = screen(name);
    for (const setting of settingsOf(name)) {
      expect(text).toContain(`  ${setting.flag}`);
      expect(text).toContain(setting.env);
      if (typeof setting.default === 'string' && setting.default !== '') {
        expect(text).toContain(`default: ${setting.default}`);
      }
    }
  });

  it.each([
    [undefined, 80],
    [80, 80],
    [100, 100],
    [300, 100],
  ])('on a screen of %s columns fits %s', (columns, widest) => {
    const widths = screen(name, columns)
      .split('\n')
      .map((line) => line.length);
    expect(Math.max(...widths)).toBeLessThanOrEqual(widest);
    expect(Math.max(...widths)).toBeGreaterThan(widest - 12);
  });

  it('ends with the examples', () => {
    expect(screen(name)).toMatch(/\n\nExample:\n {2}Like this:\n {4}beacon x \\\n {6}--y\n$/);
  });
});

describe('a flag that may be repeated', () => {
  it('adds to its value, and others replace it', async () => {
    const command = new Command('broker').exitOverride();
    addSettings(command, settingsOf('broker'));
    const argv = ['--listen', ':1=db', '--listen', ':2', '--proxy', 'http://a', '--proxy', 'http://b'];
    await command.action(() => {}).parseAsync(argv, { from: 'user' });
    expect(command.opts()).toMatchObject({ listen: ':1=db,:2', proxy: 'http://b' });
  });
});

describe('help of bridge', () => {
  it('shows range and unit of a number', () => {
    expect(screen('bridge')).toContain('[1 to 64 connections, default: 4, BEACON_PARKS]');
  });

  it('marks what is required', () => {
    expect(screen('bridge')).toContain('[required, BEACON_TLS_CERT]');
  });
});
