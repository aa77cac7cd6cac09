/** `beacon health` */
import { Command } from 'commander';
import { askHealth } from '../admin/client.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { healthAddressFor } from '../config/admin-places.ts';
import { addExamples } from './help.ts';
import type { Host } from './host.ts';

interface Flags {
  readonly healthAddr?: string;
  readonly live?: true;
}

/** Asks a daemon whether it is ready, or alive. Exit code 0 where it is, 1 where it is not or none answered. */
export function healthCommand(host: Host, clock: Clock = systemClock): Command {
  const command = new Command('health')
    .summary('Ask whether a daemon of this machine is ready.')
    .description(
      'Ask whether a relay, bridge or broker of this machine is ready to take work, and print its answer: 0 where it is; 1 where it is not, or none answered. For health checks of containers that hold nothing else.',
    )
    .usage('[options]')
    .option(
      '--health-addr <address>',
      'Where the daemon has its health; loopback is dialled where that is every address.\n[default: 127.0.0.1:8080, BEACON_HEALTH_ADDR]',
    )
    .option('--live', 'Ask only whether it is alive: it may be starting or draining.')
    .helpOption('-h, --help', 'Show this text.')
    .allowExcessArguments(false)
    .action(async ({ healthAddr, live }: Flags) => {
      const address = healthAddressFor(healthAddr, host.env);
      host.out(`${await askHealth(address, live ? '/healthz' : '/readyz', clock)}\n`);
    });
  addExamples(command, [
    { text: 'As the health check of a container:', lines: ['beacon health'] },
    { text: 'Of another daemon on this machine:', lines: ['beacon health --health-addr :8090 --live'] },
  ]);
  return command;
}
