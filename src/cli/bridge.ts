/** `beacon bridge` */
import type { Command } from 'commander';
import { daemonCommand, type Start } from './daemon.ts';
import type { Host } from './host.ts';

/** The command that starts a bridge by `start`. */
export function bridgeCommand(start: Start<'bridge'>, host: Host): Command {
  return daemonCommand(
    {
      name: 'bridge',
      summary: 'Stand beside the secret store and serve it through a relay.',
      description:
        'Dial out to a relay, park there, and serve the streams of brokers to the secret store, or other targets that you name, and to nothing else. ' +
        'No inbound port is opened. Its files are read again every 10 s, and at once on SIGHUP.',
      examples: [
        {
          text: 'Serve a store on this machine through a relay:',
          lines: [
            'beacon bridge --vault-addr https://127.0.0.1:8200 --vault-ca store-ca.crt',
            '--beacon-address relay.example.org',
            '--tls-cert bridge.crt --tls-key bridge.key --tls-ca bridge-ca.crt',
          ],
        },
        {
          text: 'Serve a database as well, and nothing else:',
          lines: [
            'beacon bridge --target vault=https://127.0.0.1:8200 --vault-ca store-ca.crt',
            '--target db=tcp://127.0.0.1:5432 --beacon-address relay.example.org',
            '--tls-cert bridge.crt --tls-key bridge.key --tls-ca bridge-ca.crt',
          ],
        },
      ],
    },
    start,
    host,
  );
}
