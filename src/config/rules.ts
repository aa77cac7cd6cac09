/** What settings must keep together. */
import { formatAddress, isLoopback } from '../base/address.ts';
import { BeaconError } from '../base/errors.ts';
import { adminPlaces } from './admin-places.ts';
import type { BridgeSettings, BrokerSettings, CommandName, RelaySettings, SettingsOf } from './settings.ts';
import { targetsOf } from './targets.ts';

type Checks = { readonly [C in CommandName]: (settings: SettingsOf<C>) => void };

const CHECKS: Checks = { relay: checkRelay, bridge: checkBridge, broker: checkBroker };

/** Throws `config` where settings that are each valid contradict one another. */
export function checkTogether<C extends CommandName>(command: C, settings: SettingsOf<C>): void {
  adminPlaces(settings);
  CHECKS[command](settings);
}

function checkRelay(settings: RelaySettings): void {
  const { nodeName, zone, clusterPeer, clusterSecretFile, connectionLog, connectionLogFields, blur } =
    settings;
  for (const [flag, name] of [
    ['--node-name', nodeName],
    ['--zone', zone],
  ] as const) {
    // The names cross the wire (PROTOCOL.md, section 4.2) and are compared byte by byte.
    if (!/^[\x21-\x7e]*$/.test(name))
      throw wrong(`${flag} ${JSON.stringify(name)} must be printable ASCII without blanks`);
  }
  if (clusterPeer !== undefined && clusterSecretFile === undefined) {
    throw wrong(
      '--cluster-peer needs --cluster-secret-file: without the secret no other node would let this one in',
    );
  }
  // Whoever gives it alone may think that it writes something, or hides something.
  if (connectionLogFields !== undefined && !connectionLog)
    throw wrong('--connection-log-fields needs --connection-log as well');
  if (blur && !connectionLog) throw wrong('--blur needs --connection-log as well');
  if (nodeName === '')
    throw wrong("--node-name is empty; name this node, or leave it out for the machine's host name");
}

function checkBridge(settings: BridgeSettings): void {
  const { tlsNextCert, tlsNextKey } = settings;
  if (tlsNextCert !== undefined && tlsNextKey === undefined)
    throw wrong('--tls-next-cert needs --tls-next-key as well');
  if (tlsNextKey !== undefined && tlsNextCert === undefined)
    throw wrong('--tls-next-key needs --tls-next-cert as well');
  const targets = targetsOf(settings);
  if (settings.vaultCa === undefined || targets.some(({ address }) => address.scheme === 'https')) return;
  const why = targets.some(({ address }) => address.scheme === 'tcp')
    ? 'with tcp:// the client verifies the store'
    : 'http:// has no certificate';
  throw wrong(`--vault-ca needs an https:// target: ${why}; leave it out`);
}

function checkBroker({ listen, listenCert, listenKey, allowHttp }: BrokerSettings): void {
  if (listenCert !== undefined && listenKey === undefined)
    throw wrong('--listen-cert needs --listen-key as well');
  if (listenKey !== undefined && listenCert === undefined)
    throw wrong('--listen-key needs --listen-cert as well');
  if (listenCert !== undefined && allowHttp) {
    throw wrong('--allow-http and --listen-cert contradict each other: leave one of them out');
  }
  const open = listen.find(({ host }) => !isLoopback(host));
  if (listenCert === undefined && !allowHttp && open) {
    throw wrong(
      `--listen ${formatAddress(open)} can be reached from other machines: ` +
        'give --listen-cert and --listen-key, or --allow-http to serve plain HTTP on purpose',
    );
  }
}

function wrong(message: string): BeaconError {
  return new BeaconError('config', message);
}
