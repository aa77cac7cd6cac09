/** `beacon broker` */
import type { Command } from 'commander';
import { daemonCommand, type Start } from './daemon.ts';
import type { Host } from './host.ts';

/** The command that starts a broker by `start`. */
export function brokerCommand(start: Start<'broker'>, host: Host): Command {
  return daemonCommand(
    {
      name: 'broker',
      summary: 'Stand beside the clients and carry their connections to the bridge.',
      description:
        'Listen for clients of the secret store, dial out to a relay, and carry their connections to the bridge. ' +
        'To clients the broker is the store: point VAULT_ADDR at it. ' +
        'Its files are read again every 10 s, and at once on SIGHUP.',
      examples: [
        {
          text: 'For clients on this machine:',
          lines: [
            'beacon broker --beacon-address relay.example.org',
            '--tls-cert broker.crt --tls-key broker.key --tls-ca bridge-ca.crt',
          ],
        },
        {
          text: 'For clients on other machines, over HTTPS:',
          lines: [
            'beacon broker --listen :8199 --listen-cert store.crt --listen-key store.key',
            '--beacon-address relay-a.example.org,relay-b.example.org',
            '--tls-cert broker.crt --tls-key broker.key --tls-ca bridge-ca.crt',
          ],
        },
        {
          text: 'For clients of the store and of a database, out through the proxy of this network:',
          lines: [
            'beacon broker --listen 127.0.0.1:8199=vault --listen 127.0.0.1:5432=db',
            '--beacon-address relay.example.org --proxy http://proxy.example.org:3128',
            '--tls-cert broker.crt --tls-key broker.key --tls-ca bridge-ca.crt',
          ],
        },
      ],
    },
    start,
    host,
  );
}
