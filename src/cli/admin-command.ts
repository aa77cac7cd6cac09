/** What the commands that ask a running daemon share. */
import { Command } from 'commander';
import type { Address } from '../base/address.ts';
import { adminAddressFor } from '../config/admin-places.ts';
import type { Host } from './host.ts';

interface AdminFlags {
  readonly adminAddr?: string;
}

/**
 * A command that finds a daemon of this machine by `--admin-addr`, or by the variables that the daemon was given.
 *
 * @param run `flags` are those that the caller adds.
 */
export function adminCommand<F>(
  name: string,
  summary: string,
  description: string,
  host: Host,
  run: (address: Address, flags: F) => Promise<void>,
): Command {
  return new Command(name)
    .summary(summary)
    .description(description)
    .usage('[options]')
    .option(
      '--admin-addr <address>',
      'Where the daemon has its administration.\n[default: 127.0.0.1:8080, or where BEACON_ADMIN_ADDR and BEACON_HEALTH_ADDR put it]',
    )
    .helpOption('-h, --help', 'Show this text.')
    .allowExcessArguments(false)
    .action((flags: AdminFlags & F) => run(adminAddressFor(flags.adminAddr, host.env), flags));
}
