/** `beacon relay` */
import type { Command } from 'commander';
import { daemonCommand, type Start } from './daemon.ts';
import type { Host } from './host.ts';

/** The command that starts a relay by `start`. */
export function relayCommand(start: Start<'relay'>, host: Host): Command {
  return daemonCommand(
    {
      name: 'relay',
      summary: 'Join bridges and brokers that may only dial out.',
      description:
        'Accept TLS connections from bridges and brokers, match them by info_hash and pass bytes between them. ' +
        'What they say is encrypted between the two: the relay holds no secret of either side. ' +
        'Its files are read again every 10 s, and at once on SIGHUP.',
      examples: [
        {
          text: 'A relay on port 443, with a certificate for its public name:',
          lines: ['beacon relay --tls-cert relay.crt --tls-key relay.key'],
        },
        {
          text: 'On another port, for a few known info_hashes only:',
          lines: [
            'beacon relay --addr :8443 --tls-cert relay.crt --tls-key relay.key',
            '--allow-file allowed.txt',
          ],
        },
      ],
    },
    start,
    host,
  );
}
