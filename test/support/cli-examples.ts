/** Runs the examples that a command's help prints, so that none of them can grow stale. */
import type { Command } from 'commander';
import type { Start } from '../../src/cli/daemon.ts';
import type { CommandName, SettingsOf } from '../../src/config/settings.ts';

export interface ExampleRun<C extends CommandName> {
  readonly line: string;
  /** What the daemon would have been started with. */
  readonly settings: SettingsOf<C>;
}

/** Parses each example with a command made by `make`, whose start keeps its settings and goes no further. */
export async function exampleRuns<C extends CommandName>(
  make: (start: Start<C>) => Command,
): Promise<readonly ExampleRun<C>[]> {
  const runs: ExampleRun<C>[] = [];
  for (const line of examplesOf(make(() => Promise.reject(STARTED)))) {
    const keep: Start<C> = (settings) => {
      runs.push({ line, settings });
      return Promise.reject(STARTED);
    };
    const argv = line.split(/\s+/).slice(2);
    await make(keep)
      .exitOverride()
      .parseAsync(argv, { from: 'user' })
      .catch((error: unknown) => {
        if (error !== STARTED) throw error;
      });
  }
  return runs;
}

const STARTED = Symbol('the daemon would run now');

function examplesOf(command: Command): readonly string[] {
  const printed: string[] = [];
  command.configureOutput({ writeOut: (text) => printed.push(text) }).outputHelp();
  const lines = printed
    .join('')
    .replaceAll(/ \\\n\s*/g, ' ')
    .split('\n');
  return lines.map((line) => line.trim()).filter((line) => line.startsWith('beacon '));
}
