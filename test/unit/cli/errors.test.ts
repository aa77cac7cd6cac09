import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { BeaconError } from '../../../src/base/errors.ts';
import { reportError, usageLine } from '../../../src/cli/errors.ts';

function report(error: unknown, debug = false): { readonly code: number; readonly text: string } {
  const written: string[] = [];
  const code = reportError(error, { debug, write: (text) => written.push(text) });
  return { code, text: written.join('') };
}

describe('reportError', () => {
  it('ends with 2 where a person must correct something, and with 1 otherwise', () => {
    expect(report(new BeaconError('config', 'bad flag'))).toEqual({ code: 2, text: 'beacon: bad flag\n' });
    expect(report(new BeaconError('unreachable', 'no route'))).toEqual({
      code: 1,
      text: 'beacon: no route\n',
    });
  });

  it('prints one line, whatever the text', () => {
    expect(report(new BeaconError('config', 'a\n  b\n')).text).toBe('beacon: a b\n');
  });

  it('calls anything else a bug, without a stack trace', () => {
    const { code, text } = report(new TypeError('x is not a function'));
    expect(code).toBe(1);
    expect(text).toMatch(
      /^beacon: x is not a function \(this is a bug in beacon: .*--log-level debug.*\)\n$/,
    );
    expect(report('thrown text').text).toContain('beacon: thrown text');
  });

  it('adds the stack and the causes for a developer', () => {
    const cause = new TypeError('deep');
    const { text } = report(new BeaconError('config', 'outer', { cause }), true);
    expect(text).toMatch(/^beacon: outer\n/);
    expect(text).toContain('errors.test.ts');
    expect(text).toContain('caused by deep');
  });

  it('prints nothing where commander has', () => {
    expect(report(new CommanderError(0, 'commander.help', ''))).toEqual({ code: 0, text: '' });
    expect(report(new CommanderError(1, 'commander.unknownOption', 'x'))).toEqual({ code: 2, text: '' });
  });
});

describe('usageLine', () => {
  it("makes one line of commander's text and points to help", () => {
    expect(usageLine("error: unknown option '--adr'\n(Did you mean --addr?)\n", 'beacon relay')).toBe(
      "beacon: unknown option '--adr'; did you mean --addr? See 'beacon relay --help'.\n",
    );
    expect(usageLine('error: too many arguments.\n', 'beacon')).toBe(
      "beacon: too many arguments. See 'beacon --help'.\n",
    );
  });
});
