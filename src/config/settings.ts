/**
 * The one table of settings. Flags, `BEACON_*` variables, `--help`, validation and the chart's schema come from it.
 *
 * There is no setting for a limit (base/limits.ts), and none whose value is a secret: secrets come in files. Variables that
 * other programs have as well, and the one that may hold a password, are not here but in egress.ts.
 */
import {
  DRAIN_TIMEOUT_DEFAULT_MS,
  DRAIN_TIMEOUT_MAX_MS,
  LISTENS,
  NAME_BYTES,
  PARKS_DEFAULT,
  PARKS_MAX,
  TARGETS,
} from '../base/limits.ts';
import type { LogFormat, LogLevel } from '../base/log.ts';
import type { Egress } from './egress.ts';
import { HEALTH_SETTINGS, type HealthSettings } from './health-settings.ts';
import { LOG_SETTINGS } from './log-settings.ts';
import type { CommandName, Setting } from './setting.ts';
import type { ValueOf } from './types.ts';

export { COMMANDS, type CommandName, type Machine, type MachineDefault, type Setting } from './setting.ts';

const LISTENER = 'Listener:';
const STORE = 'Secret store:';
const RELAY = 'Relay:';
const IDENTITY = 'Identity:';
const ADMISSION = 'Admission:';
const NODE = 'Node:';
const CLUSTER = 'Cluster:';

const CLIENTS = { bridge: {}, broker: {} } as const;

export const SETTINGS = {
  addr: {
    type: { kind: 'listenAddress', defaultPort: 443 },
    value: 'address',
    group: LISTENER,
    text: 'Where bridges and brokers connect, as [host]:port. Without a host: every address.',
    default: ':443',
    commands: { relay: {} },
  },
  proxyProtocolFrom: {
    type: { kind: 'cidrList' },
    value: 'cidr,...',
    group: LISTENER,
    text: 'Networks of load balancers that send the PROXY protocol, version 1 or 2. A connection from there must begin with its header, one from elsewhere must not.',
    commands: { relay: {} },
  },
  listen: {
    type: { kind: 'listenList', defaultPort: 8_199 },
    value: 'address',
    group: LISTENER,
    text: `Where clients of a target connect, as [host]:port=name; without a name they are clients of the secret store. May be given up to ${LISTENS} times. Beyond loopback it needs --listen-cert or --allow-http.`,
    repeatable: true,
    default: '127.0.0.1:8199',
    commands: { broker: {} },
  },
  listenCert: {
    type: { kind: 'file' },
    value: 'file',
    group: LISTENER,
    text: 'Certificate chain (PEM) to serve HTTPS with, on every --listen.',
    commands: { broker: {} },
  },
  listenKey: {
    type: { kind: 'file' },
    value: 'file',
    group: LISTENER,
    text: 'Private key (PEM) of --listen-cert.',
    commands: { broker: {} },
  },
  allowHttp: {
    type: { kind: 'boolean' },
    group: LISTENER,
    text: 'Serve plain HTTP beyond loopback. Whoever can listen in on that network reads the secrets.',
    commands: { broker: {} },
  },
  vaultAddr: {
    type: { kind: 'url' },
    value: 'url',
    group: STORE,
    text: 'The store: https://host:port, http://host:port, or tcp://host:port to pass bytes as they come. Short for --target vault=url; one of the two is required.',
    commands: { bridge: {} },
  },
  target: {
    type: { kind: 'targetList' },
    value: 'name=url',
    group: STORE,
    text: `What brokers reach by that name, with a URL as for --vault-addr. May be given up to ${TARGETS} times. Streams for any other name are refused.`,
    repeatable: true,
    commands: { bridge: {} },
  },
  vaultCa: {
    type: { kind: 'file' },
    value: 'file',
    group: STORE,
    text: "CA certificates (PEM) that the certificate of every https target must chain to. Without it: the system's.",
    commands: { bridge: {} },
  },
  targetProxyProtocol: {
    type: { kind: 'boolean' },
    group: STORE,
    text: 'Begin each connection to a target with a header of the PROXY protocol, version 2, that names the client as the broker saw it. Every target must expect it; streams of brokers that name none are refused.',
    commands: { bridge: {} },
  },
  beaconAddress: {
    type: { kind: 'addressList', defaultPort: 443 },
    value: 'host,...',
    group: RELAY,
    text: 'Relays to connect to, as host or host:port, tried in random order. The port is 443 where none is given.',
    required: true,
    commands: CLIENTS,
  },
  beaconInfoHash: {
    type: { kind: 'infoHash' },
    value: 'hex',
    group: RELAY,
    text: 'Checked against --tls-ca, from which it follows: the hash of a CA in it.',
    commands: CLIENTS,
  },
  beaconCa: {
    type: { kind: 'file' },
    value: 'file',
    group: RELAY,
    text: "CA certificates (PEM) that the relay's certificate must chain to. Without it: the system's.",
    commands: CLIENTS,
  },
  beaconPin: {
    type: { kind: 'pinList' },
    value: 'pin,...',
    group: RELAY,
    text: 'Trust only a relay whose certificate fits one of these: cert-sha256:HEX or key-sha256:HEX.',
    commands: CLIENTS,
  },
  proxy: {
    type: { kind: 'proxyUrl' },
    value: 'url',
    group: RELAY,
    text: 'HTTP proxy through which to connect to relays (CONNECT), as http://host:port or http://user@host:port. Without it HTTPS_PROXY and NO_PROXY count.',
    commands: CLIENTS,
  },
  proxyPasswordFile: {
    type: { kind: 'file' },
    value: 'file',
    group: RELAY,
    text: 'Password for the user in --proxy, on one line. BEACON_PROXY_PASSWORD can hold it instead.',
    commands: CLIENTS,
  },
  parks: {
    type: { kind: 'integer', min: 1, max: PARKS_MAX },
    value: 'n',
    group: RELAY,
    text: `Connections to keep parked at the least; more follow by themselves, up to ${PARKS_MAX}.`,
    default: String(PARKS_DEFAULT),
    unit: 'connections',
    commands: { bridge: {} },
  },
  tlsCert: {
    type: { kind: 'file' },
    value: 'file',
    group: IDENTITY,
    text: 'Certificate chain (PEM) that the relay shows to bridges and brokers.',
    required: true,
    commands: {
      relay: { group: LISTENER },
      bridge: { text: "The bridge's certificate (PEM), issued by the CA in --tls-ca." },
      broker: { text: "The broker's certificate (PEM), issued by the CA in --tls-ca." },
    },
  },
  tlsKey: {
    type: { kind: 'file' },
    value: 'file',
    group: IDENTITY,
    text: 'Private key (PEM) of --tls-cert.',
    required: true,
    commands: { relay: { group: LISTENER }, bridge: {}, broker: {} },
  },
  tlsCa: {
    type: { kind: 'file' },
    value: 'file',
    group: IDENTITY,
    text: 'The bridge CA certificate (PEM), the same on both sides. Its hash is the info_hash. Two of them while the CA is changed.',
    required: true,
    commands: CLIENTS,
  },
  tlsNextCert: {
    type: { kind: 'file' },
    value: 'file',
    group: IDENTITY,
    text: 'A second certificate (PEM), issued by the other of two CAs in --tls-ca, to serve brokers of both while the CA is changed.',
    commands: { bridge: {} },
  },
  tlsNextKey: {
    type: { kind: 'file' },
    value: 'file',
    group: IDENTITY,
    text: 'Private key (PEM) of --tls-next-cert.',
    commands: { bridge: {} },
  },
  denyCertFile: {
    type: { kind: 'file' },
    value: 'file',
    group: ADMISSION,
    text: 'SHA-256 fingerprints of broker certificates that get no tunnel, one a line; read again when it changes.',
    commands: { bridge: {} },
  },
  allowFile: {
    type: { kind: 'file' },
    value: 'file',
    group: ADMISSION,
    text: 'The info_hashes to serve, one a line; read again when it changes. Without it any CA may use this relay.',
    commands: { relay: {} },
  },
  allowUnproven: {
    type: { kind: 'boolean' },
    group: ADMISSION,
    text: 'Admit brokers that know an info_hash but prove no key. Then whoever learns it can occupy the bridge.',
    commands: { relay: {} },
  },
  nodeName: {
    type: { kind: 'name', maxBytes: NAME_BYTES },
    value: 'name',
    group: NODE,
    text: 'Name of this node. Bridges and brokers are told it.',
    default: { from: (machine) => machine.hostname.slice(0, NAME_BYTES), text: "this machine's host name" },
    commands: { relay: {} },
  },
  zone: {
    type: { kind: 'name', maxBytes: NAME_BYTES },
    value: 'name',
    group: NODE,
    text: 'Failure zone that this node stands in.',
    default: '',
    commands: { relay: {} },
  },
  drainTimeout: {
    type: { kind: 'integer', min: 1, max: DRAIN_TIMEOUT_MAX_MS / 1_000 },
    value: 'seconds',
    group: NODE,
    text: 'How long a node that is stopped waits for its splices to move to other nodes. Those that are left are cut then, and it exits with 1.',
    default: String(DRAIN_TIMEOUT_DEFAULT_MS / 1_000),
    unit: 'seconds',
    commands: { relay: {} },
  },
  clusterPeer: {
    type: { kind: 'clusterPeers' },
    value: 'name=host:port,...',
    group: CLUSTER,
    text: 'The nodes of the cluster, by their --node-name; this one may be among them. Those that do not run are not waited for. Without it the relay runs alone.',
    commands: { relay: {} },
  },
  clusterSecretFile: {
    type: { kind: 'file' },
    value: 'file',
    group: CLUSTER,
    text: 'One line of 32 characters or more, the same on every node; two lines, current and next, while it is changed. Whoever has it is a full member.',
    commands: { relay: {} },
  },
  clusterAddr: {
    type: { kind: 'listenAddress', defaultPort: 7_946 },
    value: '[host]:port',
    group: CLUSTER,
    text: 'Where other nodes connect for gossip. Bound only with --cluster-peer.',
    default: ':7946',
    commands: { relay: {} },
  },
  forwardAddr: {
    type: { kind: 'listenAddress', defaultPort: 7_443 },
    value: '[host]:port',
    group: CLUSTER,
    text: 'Where other nodes connect to reach the bridges parked here. Bound only with --cluster-peer.',
    default: ':7443',
    commands: { relay: {} },
  },
  clusterAdvertise: {
    type: { kind: 'string', maxBytes: 253 },
    value: 'host',
    group: CLUSTER,
    text: 'Host at which other nodes reach this one, where it is not the one in their --cluster-peer: behind NAT.',
    commands: { relay: {} },
  },
  ...HEALTH_SETTINGS,
  ...LOG_SETTINGS,
} as const satisfies Readonly<Record<string, Setting>>;

type Table = typeof SETTINGS;
export type SettingName = keyof Table;

type NamesOf<C extends CommandName> = {
  [N in SettingName]: C extends keyof Table[N]['commands'] ? N : never;
}[SettingName];

type Always =
  | { readonly required: true }
  | { readonly default: unknown }
  | { readonly type: { readonly kind: 'boolean' } };

/** What {@link resolveSettings} returns for command `C`: undefined only where a setting has no default. */
export type SettingsOf<C extends CommandName> = CommonSettings & {
  readonly [N in NamesOf<C>]: Table[N] extends Always
    ? ValueOf<Table[N]['type']>
    : ValueOf<Table[N]['type']> | undefined;
} & (C extends 'relay' ? unknown : { readonly egress: Egress });

/** The settings that every command has. */
interface CommonSettings extends HealthSettings {
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

export type RelaySettings = SettingsOf<'relay'>;
export type BridgeSettings = SettingsOf<'bridge'>;
export type BrokerSettings = SettingsOf<'broker'>;

/** A setting as one command has it. */
export interface CommandSetting extends Setting {
  readonly name: SettingName;
  /** `--tls-cert` */
  readonly flag: string;
  /** `BEACON_TLS_CERT` */
  readonly env: string;
}

/** The settings of `command` in the order of the table, overrides applied. */
export function settingsOf(command: CommandName): readonly CommandSetting[] {
  const entries = Object.entries(SETTINGS) as readonly [SettingName, Setting][];
  return entries.flatMap(([name, setting]) => {
    const override = setting.commands[command];
    return override ? [{ ...setting, ...override, name, flag: flagOf(name), env: envOf(name) }] : [];
  });
}

/** `tlsCert` -> `--tls-cert` */
export function flagOf(name: SettingName): string {
  return `--${words(name).join('-')}`;
}

/** `tlsCert` -> `BEACON_TLS_CERT`; `beaconAddress` -> `BEACON_ADDRESS`, without the name twice. */
export function envOf(name: SettingName): string {
  const parts = words(name);
  return (parts[0] === 'beacon' ? parts : ['beacon', ...parts]).join('_').toUpperCase();
}

function words(name: SettingName): readonly string[] {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).split(' ');
}
