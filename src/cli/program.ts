/** The `beacon` command: every command of the product in one tree. */
import { Command } from 'commander';
import { VERSION } from '../base/version.ts';
import type { Environment } from '../config/resolve.ts';
import { type CommandName, envOf, flagOf } from '../config/settings.ts';
import { bridgeCommand } from './bridge.ts';
import { brokerCommand } from './broker.ts';
import { certsCommand } from './certs.ts';
import type { Start } from './daemon.ts';
import { doctorCommand } from './doctor.ts';
import { drainCommand } from './drain.ts';
import { EXIT_OK, reportError } from './errors.ts';
import { healthCommand } from './health.ts';
import { addExamples, applyLook } from './help.ts';
import { type Host, processHost } from './host.ts';
import { infoHashCommand } from './info-hash.ts';
import { relayCommand } from './relay.ts';
import { statusCommand } from './status.ts';

/** How each daemon is started; a test passes its own. */
export type Starts = { readonly [C in CommandName]: Start<C> };

/** Loaded when they are needed, so that `--help` and the tools answer at once. */
const DAEMONS: Starts = {
  relay: async (settings, log) => (await import('../relay/daemon.ts')).startRelay(settings, log),
  bridge: async (settings, log) => (await import('../bridge/daemon.ts')).startBridge(settings, log),
  broker: async (settings, log) => (await import('../broker/daemon.ts')).startBroker(settings, log),
};

/** The whole command line. Parsing it throws commander's errors; {@link run} turns them into exit codes. */
export function buildProgram(host: Host = processHost(process.env), starts: Starts = DAEMONS): Command {
  const program = new Command('beacon')
    .description(
      'A relay that connects two parties who may only dial out, and can read nothing of what they say.',
    )
    .usage('<command> [options]')
    .version(VERSION, '-V, --version', 'Print the version.')
    .helpOption('-h, --help', 'Show this text; after a command, that of the command.')
    .helpCommand(false)
    .addCommand(relayCommand(starts.relay, host))
    .addCommand(bridgeCommand(starts.bridge, host))
    .addCommand(brokerCommand(starts.broker, host))
    .addCommand(healthCommand(host).helpGroup('Running daemons:'))
    .addCommand(statusCommand(host).helpGroup('Running daemons:'))
    .addCommand(drainCommand(host).helpGroup('Running daemons:'))
    .addCommand(doctorCommand(host).helpGroup('Tools:'))
    .addCommand(certsCommand().helpGroup('Tools:'))
    .addCommand(infoHashCommand().helpGroup('Tools:'));
  addExamples(program, [
    {
      text: 'Make the certificates of a bridge and a broker:',
      lines: ['beacon certs init --out certs'],
    },
    {
      text: 'See what a daemon needs; each setting is a flag or a BEACON_* variable:',
      lines: ['beacon relay --help'],
    },
  ]);
  applyLook(program, host);
  return program;
}

/**
 * Runs the command line `argv` (without the program's name) and returns the exit code: 0, 1 for a failure, 2 where
 * a person must correct something. A daemon's command returns when the daemon has stopped.
 */
export async function run(
  argv: readonly string[],
  env: Environment,
  host: Host = processHost(env),
  starts: Starts = DAEMONS,
): Promise<number> {
  try {
    await buildProgram(host, starts).parseAsync(argv, { from: 'user' });
    return EXIT_OK;
  } catch (error) {
    return reportError(error, { debug: wantsDebug(argv, env), write: (text) => host.error(text) });
  }
}

/** Read by hand: the command line may be the very thing that is wrong. */
function wantsDebug(argv: readonly string[], env: Environment): boolean {
  const flag = flagOf('logLevel');
  const onLine = argv.some(
    (word, at) => word === `${flag}=debug` || (word === 'debug' && argv[at - 1] === flag),
  );
  return onLine || env[envOf('logLevel')] === 'debug';
}
