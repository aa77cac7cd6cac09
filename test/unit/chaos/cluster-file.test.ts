import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { clusterFile } from '../../chaos/cluster-file.ts';
import { CHAOS_KINDS, chaosScenario, isolated } from '../../chaos/scenario.ts';

const scenario = chaosScenario(11, 300_000);
const { services, networks } = JSON.parse(clusterFile(scenario, { project: 'p', directory: '/d' })) as {
  readonly services: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly networks: Readonly<Record<string, unknown>>;
};

describe('the compose file of a run', () => {
  it('has as many of each daemon as the scenario, hardened as docker-compose.yml has them', () => {
    const known = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }).services;
    const count = (role: string): number =>
      Object.keys(services).filter((name) => name.startsWith(`${role}-`)).length;
    expect([count('relay'), count('bridge'), count('broker')]).toEqual([
      3,
      scenario.bridges.length,
      scenario.brokers.length,
    ]);
    for (const [name, like] of [
      ['relay-2', 'relay-1'],
      ['bridge-0', 'bridge'],
      ['broker-0', 'broker'],
      ['toxic', 'store'],
    ] as const)
      for (const key of ['image', 'read_only', 'cap_drop', 'security_opt', 'mem_limit', 'user'])
        expect(services[name]?.[key], `${key} of ${name}`).toEqual(known[like][key]);
  });

  it('has no network that leads out, asks nobody for names, and publishes nothing', () => {
    expect(Object.values(networks)).toEqual(Object.values(networks).map(() => ({ internal: true })));
    for (const [name, service] of Object.entries(services)) {
      expect(service['dns'], name).toEqual(['127.0.0.1']);
      expect(service['ports'], name).toBeUndefined();
    }
  });

  it('gives each client the CA of its plan, and no way to a relay but the toxic proxy', () => {
    scenario.brokers.forEach(({ ca }, index) => {
      const { environment, networks: joined } = services[`broker-${index}`] as {
        environment: Record<string, string>;
        networks: string[];
      };
      expect(environment['BEACON_TLS_CA']).toBe(`/secrets/ca-${ca}/bridge-ca.crt`);
      expect(joined).toEqual(['outside', 'workloads']);
    });
    expect(services['relay-0']?.['networks']).toEqual(['relays']);
  });
});

describe('the scenario of a run', () => {
  const all = Array.from({ length: 40 }, (_, seed) => chaosScenario(seed, 120_000));

  it('is the same for the same seed, and has only faults that real processes can have', () => {
    expect(chaosScenario(11, 300_000)).toEqual(scenario);
    const kinds = new Set(all.flatMap(({ faults }) => faults.map(({ kind }) => kind)));
    expect([...kinds].sort()).toEqual([...CHAOS_KINDS].sort());
  });

  it('plugs a relay out of its network, all links at once, while nothing else befalls it', () => {
    for (const each of all) {
      const cuts = each.faults.filter((fault) => isolated(fault, each));
      expect(cuts.length, `seed ${each.seed}`).toBe(2 + each.bridges.length + each.brokers.length);
      for (const { atMs, forMs } of cuts) expect(atMs + forMs).toBeLessThanOrEqual(each.faultsUntilMs);
    }
  });
});
