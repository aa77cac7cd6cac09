/** What the three daemons' commands share: settings, log, start, wait for a signal, stop. */
import { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type Flags, resolveSettings } from '../config/resolve.ts';
import { type CommandName, type SettingsOf, settingsOf } from '../config/settings.ts';
import { addExamples, addSettings, type Example } from './help.ts';
import type { Host } from './host.ts';
import { ReloadRequests } from './reload-requests.ts';
import { ServiceManager } from './service-manager.ts';

export interface Daemon {
  /** Resolves when it must stop although nobody asked; its log says why. Default: it never must. */
  readonly ended?: Promise<void>;
  /** Reads its files again; never rejects. */
  reload(): Promise<void>;
  /** Ends everything in good order; resolves when nothing is left that keeps the process alive. */
  stop(): Promise<void>;
}

/** Resolves once the daemon serves. Rejects with a BeaconError and leaves nothing open. */
export type Start<C extends CommandName> = (settings: SettingsOf<C>, log: Log) => Promise<Daemon>;

export interface DaemonSpec<C extends CommandName> {
  readonly name: C;
  /** One line, for the list of commands. */
  readonly summary: string;
  readonly description: string;
  readonly examples: readonly Example[];
}

/** The command that runs `start` with its settings until the first signal, and then stops it. */
export function daemonCommand<C extends CommandName>(
  spec: DaemonSpec<C>,
  start: Start<C>,
  host: Host,
): Command {
  const command = new Command(spec.name)
    .summary(spec.summary)
    .description(spec.description)
    .usage('[options]')
    .helpGroup('Daemons:')
    .allowExcessArguments(false);
  addSettings(command, settingsOf(spec.name));
  addExamples(command, spec.examples);
  return command.action(async () => {
    await runDaemon(spec.name, command.opts<Flags>(), start, host);
  });
}

async function runDaemon<C extends CommandName>(
  name: C,
  flags: Flags,
  start: Start<C>,
  host: Host,
): Promise<void> {
  const settings = resolveSettings(name, flags, host.env, host.machine);
  const { logLevel, logFormat } = settings;
  const log = host.createLog({ level: logLevel, format: logFormat });
  const requests = new StopRequests(host);
  const service = new ServiceManager({ host, clock: systemClock, log });
  let reloads: ReloadRequests | undefined;
  // From the start: by default the signal ends a process. What comes too early needs no answer, as all is read just now.
  const release = host.onReload(() => reloads?.add());
  try {
    const daemon = await Promise.race([start(settings, log), requests.second]);
    reloads = new ReloadRequests(() => daemon.reload(), service);
    service.ready();
    await Promise.race([
      requests.first.then(() => log.info('Stopping: a signal asked for it.')),
      daemon.ended ?? requests.first,
    ]);
    service.stopping();
    await Promise.race([Promise.all([daemon.stop(), service.sent]), requests.second]);
  } finally {
    service.close();
    release();
    requests.release();
  }
}

/** A first signal asks the daemon to stop; a second one, that the process end at once. */
class StopRequests {
  /** Resolves at the first request. */
  readonly first: Promise<void>;
  /** Rejects at the second request. */
  readonly second: Promise<never>;
  readonly release: () => void;

  constructor(host: Host) {
    const first = Promise.withResolvers<void>();
    const second = Promise.withResolvers<never>();
    second.promise.catch(() => {}); // nobody may be waiting when it comes
    let requests = 0;
    this.first = first.promise;
    this.second = second.promise;
    this.release = host.onStop(() => {
      requests += 1;
      if (requests === 1) first.resolve();
      else
        second.reject(new BeaconError('closed', 'stopped at once by a second signal; connections were cut'));
    });
  }
}
