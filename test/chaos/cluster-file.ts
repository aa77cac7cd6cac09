/**
 * The compose file of a chaos run, made out of docker-compose.yml: its relays, bridge and broker as they are there, as many of
 * each as the scenario has, with a toxic proxy where HAProxy stands, and with clients and a store that write a history.
 *
 *   client --- broker-N --- outside --- toxic --- relays --- relay-N
 *   store ---- bridge-N -------'
 *
 * Relays dial each other through the toxic proxy as well. Every network is internal: nothing of it reaches anything else.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import { nameOf } from '../scenario/faults.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { clientPort, entryHost, forwardPort, gossipPort, storePort } from './places.ts';

type Json = Readonly<Record<string, unknown>>;
type Environment = Readonly<Record<string, string>>;
type Known = Readonly<Record<string, Json & { readonly environment?: Environment }>>;

export interface ClusterFileOptions {
  /** Also the beginning of the names of the containers. */
  readonly project: string;
  /** Of this machine; containers find the scenario there. */
  readonly directory: string;
}

/** Where tests and sources are in containers, as scripts need them; the daemons are those of the image. */
const CODE = '/chaos';
const FOR_SCRIPTS = ['package.json', 'src', 'test'] as const;
/** What docker-compose.yml says for a life beside other things; here the run starts, stops and looks. */
const LEFT_OUT = ['build', 'depends_on', 'healthcheck', 'ports', 'volumes', 'networks', 'environment'];
const NETWORKS = ['outside', 'relays', 'store', 'workloads'] as const;
/** Names of containers the engine knows by itself; it is not to ask anybody for others, which would take seconds in a network that leads nowhere. */
const NO_DNS = ['127.0.0.1'];
const SECRETS = { volumes: ['secrets:/secrets:ro'] };

/** As JSON, which is YAML. */
export function clusterFile(scenario: Scenario, options: ClusterFileOptions): string {
  const file = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as {
    readonly services: Known;
  };
  const services = new Services(file.services, scenario, options);
  const internal = NETWORKS.map((name) => [name, { internal: true }]);
  return JSON.stringify({
    services: { ...services.daemons(), ...services.scripts() },
    networks: Object.fromEntries(internal),
    volumes: { secrets: {} },
  });
}

class Services {
  readonly #known: Known;
  readonly #scenario: Scenario;
  readonly #options: ClusterFileOptions;
  readonly #relays: readonly number[];

  constructor(known: Known, scenario: Scenario, options: ClusterFileOptions) {
    this.#known = known;
    this.#scenario = scenario;
    this.#options = options;
    this.#relays = Array.from({ length: scenario.relays }, (_, relay) => relay);
  }

  daemons(): Json {
    const { bridges, brokers } = this.#scenario;
    return Object.fromEntries([
      ...this.#relays.map((relay) => [nameOf({ relay }), this.#relay(relay)]),
      ...bridges.map(({ ca }, bridge) => [nameOf({ bridge }), this.#bridge(bridge, ca)]),
      ...brokers.map(({ ca }, broker) => [nameOf({ broker }), this.#broker(broker, ca)]),
    ]);
  }

  /** What is run of ours, beside the daemons. */
  scripts(): Json {
    const { cas, relays } = this.#scenario;
    const outside = { aliases: this.#relays.map(entryHost) };
    const asRoot = { user: '0:0', cap_add: ['CHOWN', 'SETGID', 'SETUID'], network_mode: 'none' };
    const environment = { CHAOS_CAS: String(cas), CHAOS_RELAYS: String(relays) };
    return {
      setup: this.#script('setup', 'setup.ts', { ...asRoot, environment }, ['secrets:/secrets']),
      toxic: this.#script('toxic', 'toxic/main.ts', { networks: { outside, relays: {} } }),
      store: this.#script('store', 'workload/store.ts', { networks: ['store'] }),
      client: this.#script('client', 'workload/client.ts', { networks: ['workloads'] }),
    };
  }

  #relay(relay: number): Json {
    const peers = this.#relays.map((other) => `${nameOf({ relay: other })}=toxic:${gossipPort(other)}`);
    const environment = {
      ...this.#environmentOf('relay-1'),
      BEACON_NODE_NAME: nameOf({ relay }),
      BEACON_ZONE: `zone-${relay}`,
      BEACON_TLS_CERT: '/secrets/relay/relay.crt',
      BEACON_TLS_KEY: '/secrets/relay/relay.key',
      // Every relay has ports of its own, by which the toxic proxy knows whom to dial.
      BEACON_CLUSTER_ADDR: `:${gossipPort(relay)}`,
      BEACON_FORWARD_ADDR: `:${forwardPort(relay)}`,
      BEACON_CLUSTER_PEER: peers.join(),
    };
    return this.#like('relay-1', nameOf({ relay }), { ...SECRETS, environment, networks: ['relays'] });
  }

  #bridge(bridge: number, ca: number): Json {
    const environment = {
      ...this.#client('bridge', ca),
      BEACON_VAULT_ADDR: `tcp://store:${storePort(bridge)}`,
    };
    return this.#like('bridge', nameOf({ bridge }), {
      ...SECRETS,
      environment,
      networks: ['outside', 'store'],
    });
  }

  #broker(broker: number, ca: number): Json {
    const environment = this.#client('broker', ca);
    return this.#like('broker', nameOf({ broker }), {
      ...SECRETS,
      environment,
      networks: ['outside', 'workloads'],
    });
  }

  #client(side: 'bridge' | 'broker', ca: number): Environment {
    // The store of a run is TCP, whose bytes are compared.
    const { BEACON_VAULT_CA: _, ...environment } = this.#environmentOf(side);
    return {
      ...environment,
      BEACON_ADDRESS: this.#relays.map((relay) => `${entryHost(relay)}:${clientPort(relay)}`).join(),
      BEACON_CA: '/secrets/relay/relay-ca.crt',
      BEACON_TLS_CA: `/secrets/ca-${ca}/bridge-ca.crt`,
      BEACON_TLS_CERT: `/secrets/ca-${ca}/${side}.crt`,
      BEACON_TLS_KEY: `/secrets/ca-${ca}/${side}.key`,
    };
  }

  #environmentOf(service: string): Environment {
    return this.#known[service]?.environment ?? {};
  }

  #script(name: string, file: string, more: Json, volumes: readonly string[] = []): Json {
    const code = FOR_SCRIPTS.map((path) => `${resolve(path)}:${CODE}/${path}:ro`);
    return this.#like('store', name, {
      entrypoint: ['node', `${CODE}/test/chaos/${file}`],
      command: [],
      volumes: [...code, `${this.#options.directory}:/run/chaos:ro`, ...volumes],
      ...more,
    });
  }

  /** A service of docker-compose.yml under another name: its image, its limits, and what it may do. */
  #like(service: string, name: string, more: Json): Json {
    const kept = Object.entries(this.#known[service] ?? {}).filter(([key]) => !LEFT_OUT.includes(key));
    return {
      ...Object.fromEntries(kept),
      container_name: `${this.#options.project}-${name}`,
      restart: 'no',
      healthcheck: { disable: true },
      dns: NO_DNS,
      ...more,
    };
  }
}
