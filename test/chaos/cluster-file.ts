/**
 * The compose file of a chaos run, made out of docker-compose.yml: its relays, bridge and broker as they are there, as many of
 * each as the scenario has, with a toxic proxy where HAProxy stands, and with clients and a store that write a history.
 *
 *   client --- broker-N --- outside --- toxic --- relays --- relay-N
 *   store ---- bridge-N -------'          '--------'
 *
 * Relays dial each other through the toxic proxy as well. Every network is internal: nothing of it reaches anything else.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import { nameOf, type Place } from '../scenario/faults.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { CONTROL_PORT, clientPort, entryHost, forwardPort, gossipPort, storePort } from './places.ts';

type Json = Readonly<Record<string, unknown>>;
interface ComposeService extends Json {
  readonly environment?: Readonly<Record<string, string>>;
}

export interface ClusterFileOptions {
  /** Also the beginning of the names of the containers. */
  readonly project: string;
  /** Of this machine; containers find the scenario there. */
  readonly directory: string;
}

/** Where tests and sources are in containers; the image itself holds what is tested. */
const CODE = '/chaos';
const FOR_CONTAINERS = ['package.json', 'src', 'test'] as const;
/** What docker-compose.yml says for a life beside other things; here the run starts, stops and looks. */
const LEFT_OUT = [
  'build',
  'depends_on',
  'healthcheck',
  'ports',
  'volumes',
  'networks',
  'environment',
] as const;

/** Names of containers the engine knows by itself; it is not to ask anybody for others, which would take seconds in a network that leads nowhere. */
const NO_DNS = ['127.0.0.1'];

/** As JSON, which is YAML. */
export function clusterFile(scenario: Scenario, { project, directory }: ClusterFileOptions): string {
  const { services } = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as {
    readonly services: Readonly<Record<string, ComposeService>>;
  };
  const like = (service: string, name: string, more: Json): Json => {
    const known = Object.entries(services[service] ?? {});
    const kept = Object.fromEntries(known.filter(([key]) => !LEFT_OUT.some((one) => one === key)));
    const fixed = {
      container_name: `${project}-${name}`,
      restart: 'no',
      healthcheck: { disable: true },
      dns: NO_DNS,
    };
    return { ...kept, ...fixed, ...more };
  };
  const environmentOf = (service: string, ...leftOut: readonly string[]): Json => {
    const all = Object.entries(services[service]?.environment ?? {});
    return Object.fromEntries(all.filter(([key]) => !leftOut.includes(key)));
  };
  const script = (name: string, file: string, more: Json): Json =>
    like('store', name, {
      ...{ entrypoint: ['node', `${CODE}/test/chaos/${file}`], command: [] },
      volumes: [
        ...FOR_CONTAINERS.map((path) => `${resolve(path)}:${CODE}/${path}:ro`),
        `${directory}:/run/chaos:ro`,
      ],
      ...more,
    });
  const secrets = { volumes: ['secrets:/secrets:ro'] };
  const relays = Array.from({ length: scenario.relays }, (_, relay) => ({ relay }));
  const entries = relays.map(({ relay }) => `${entryHost(relay)}:${clientPort(relay)}`).join();
  const daemons: Record<string, Json> = {};
  for (const place of relays) {
    const environment = { ...environmentOf('relay-1'), ...relayEnvironment(place, relays) };
    daemons[nameOf(place)] = like('relay-1', nameOf(place), {
      ...secrets,
      environment,
      networks: ['relays'],
    });
  }
  const client = (side: 'bridge' | 'broker', index: number, ca: number, network: string): void => {
    const name = `${side}-${index}`;
    const environment = {
      ...environmentOf(side, 'BEACON_VAULT_CA'),
      BEACON_ADDRESS: entries,
      BEACON_CA: '/secrets/relay/relay-ca.crt',
      BEACON_TLS_CA: `/secrets/ca-${ca}/bridge-ca.crt`,
      BEACON_TLS_CERT: `/secrets/ca-${ca}/${side}.crt`,
      BEACON_TLS_KEY: `/secrets/ca-${ca}/${side}.key`,
      ...(side === 'bridge' && { BEACON_VAULT_ADDR: `tcp://store:${storePort(index)}` }),
    };
    daemons[name] = like(side, name, { ...secrets, environment, networks: ['outside', network] });
  };
  scenario.bridges.forEach(({ ca }, index) => client('bridge', index, ca, 'store'));
  scenario.brokers.forEach(({ ca }, index) => client('broker', index, ca, 'workloads'));
  const setup = {
    ...{ user: '0:0', cap_add: ['CHOWN', 'SETGID', 'SETUID'], network_mode: 'none' },
    environment: { CHAOS_CAS: String(scenario.cas), CHAOS_RELAYS: String(scenario.relays) },
  };
  const base = script('setup', 'setup.ts', setup);
  const volumes = [...(base['volumes'] as readonly string[]), 'secrets:/secrets'];
  const networks = {
    outside: { aliases: relays.map(({ relay }) => entryHost(relay)) },
    relays: {},
  };
  return JSON.stringify({
    services: {
      ...daemons,
      setup: { ...base, volumes },
      toxic: script('toxic', 'toxic/main.ts', {
        networks,
        environment: { CHAOS_CONTROL_PORT: String(CONTROL_PORT) },
      }),
      store: script('store', 'workload/store.ts', { networks: ['store'] }),
      client: script('client', 'workload/client.ts', { networks: ['workloads'] }),
    },
    networks: Object.fromEntries(
      ['outside', 'relays', 'store', 'workloads'].map((name) => [name, { internal: true }]),
    ),
    volumes: { secrets: {} },
  });
}

function relayEnvironment(
  { relay }: { readonly relay: number },
  relays: readonly { readonly relay: number }[],
): Json {
  const peers = relays.map((other) => [nameOf(other as Place), other.relay] as const);
  return {
    BEACON_NODE_NAME: nameOf({ relay }),
    BEACON_ZONE: `zone-${relay}`,
    BEACON_TLS_CERT: '/secrets/relay/relay.crt',
    BEACON_TLS_KEY: '/secrets/relay/relay.key',
    BEACON_ALLOW_FILE: '/secrets/allowed',
    BEACON_CLUSTER_SECRET_FILE: '/secrets/cluster.secret',
    // Every relay has ports of its own, by which the toxic proxy knows whom to dial.
    BEACON_CLUSTER_ADDR: `:${gossipPort(relay)}`,
    BEACON_FORWARD_ADDR: `:${forwardPort(relay)}`,
    BEACON_CLUSTER_PEER: peers.map(([name, index]) => `${name}=toxic:${gossipPort(index)}`).join(),
  };
}
