/** `beacon drain` */
import type { Command } from 'commander';
import { askAdmin } from '../admin/client.ts';
import type { Address } from '../base/address.ts';
import { type Clock, sleep, systemClock } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import { ADMIN_POLL_MS } from '../base/limits.ts';
import { adminCommand } from './admin-command.ts';
import { addExamples } from './help.ts';
import type { Host } from './host.ts';

/** Asks a relay to drain. Exit code 1 where it cannot be asked or, with `--wait`, where it had to cut splices. */
export function drainCommand(host: Host, clock: Clock = systemClock): Command {
  const command = adminCommand<{ readonly wait?: true }>(
    'drain',
    'Ask a relay of this machine to hand its clients over and leave.',
    'Ask a relay of this machine to hand its clients over to other nodes and leave. 0: it does, and with --wait: it has, and cut nothing. 1: no relay could be asked, or splices were cut.',
    host,
    async (address, { wait }) => {
      await askAdmin(address, { method: 'POST', path: '/admin/drain' }, clock);
      host.out('draining\n');
      if (wait) host.out(`${await drained(address, clock)}\n`);
    },
  ).option('--wait', 'Return when it is drained, or gone.');
  addExamples(command, [
    {
      text: 'Before a node is stopped, for example as preStop of a container:',
      lines: ['beacon drain --wait'],
    },
  ]);
  return command;
}

/** The relay bounds the time that this takes. Resolves with how it ended. Rejects with `closed` where splices were cut. */
async function drained(address: Address, clock: Clock): Promise<string> {
  for (;;) {
    const status = await askAdmin(address, { method: 'GET', path: '/status' }, clock).catch(goneOrThrow);
    if (status === undefined) return 'gone';
    const { drainState, splicesCut: cut } = status;
    // Another process has come in its place.
    if (drainState === 'serving') return 'gone';
    if (drainState === 'drained' && typeof cut === 'number') {
      if (cut === 0) return 'drained';
      throw new BeaconError('closed', `drained, but ${cut} splices had not moved in time and were cut`);
    }
    await sleep(clock, ADMIN_POLL_MS);
  }
}

function goneOrThrow(error: unknown): undefined {
  if (error instanceof BeaconError && error.code === 'unreachable') return undefined;
  throw error;
}
