/** `beacon doctor` against real relays: what it says of each that works, and of each way not to. */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Examination, Trial } from '../../src/doctor/types.ts';
import { makePki } from '../support/certificates.ts';
import { ProcessCluster } from '../support/cluster-processes.ts';
import { freePorts } from '../support/ports.ts';
import { runBeacon } from '../support/processes.ts';
import { cutClients } from '../support/wire-client.ts';

const NAMES = ['a', 'b', 'c'];
let cluster: ProcessCluster;

beforeAll(async () => {
  cluster = await ProcessCluster.start();
});
afterAll(async () => {
  cutClients();
  await cluster.remove();
});

const at = (port: number): string => `127.0.0.1:${port}`;

/** Runs `beacon doctor` for relays at `ports`. */
async function doctor(ports: readonly number[], ...more: string[]) {
  const { files } = cluster;
  const ca = more.includes('--beacon-ca') ? [] : ['--beacon-ca', files.file('relay-ca.crt')];
  return runBeacon(['doctor', '--beacon-address', ports.map(at).join(','), ...ca, ...more]);
}

/** The same with --json. */
async function examine(ports: readonly number[], ...more: string[]) {
  const { out, ...rest } = await doctor(ports, '--json', ...more);
  return { ...rest, found: JSON.parse(out) as Examination & { readonly ok: boolean } };
}

const failures = ({ findings }: Examination) => findings.filter(({ severity }) => severity === 'failure');
const trials = ({ pairs }: Examination) => pairs.filter((pair): pair is Trial => 'steps' in pair);

describe('three nodes of a cluster', () => {
  it('work alone and in all pairs, each across its two nodes', { timeout: 60_000 }, async () => {
    const ports = NAMES.map((name) => cluster.port(name));
    const { code, found, error } = await examine(ports);
    expect({ code, error, ok: found.ok, findings: found.findings }).toEqual({
      code: 0,
      error: '',
      ok: true,
      findings: [],
    });
    expect(found.alone.map(({ parkedAt }) => parkedAt?.node)).toEqual(NAMES);
    const paths = trials(found).map(({ broker, bridge, path = [] }) => ({
      meant: [broker, bridge],
      crossed: path.map(({ node }) => at(cluster.port(node))),
    }));
    expect(paths).toHaveLength(6);
    for (const { meant, crossed } of paths) expect(crossed).toEqual(meant);
  });

  it('are a table for people', { timeout: 60_000 }, async () => {
    const { code, out } = await doctor([cluster.port('a'), cluster.port('b')]);
    expect(code).toBe(0);
    const [a, b] = [at(cluster.port('a')), at(cluster.port('b'))];
    for (const step of ['TCP', 'TLS', 'certificate', 'park', 'pair', 'inner TLS', 'bytes'])
      expect(out).toMatch(new RegExp(`^ok +${a} +${step} `, 'm'));
    expect(out).toMatch(/ certificate .* of --beacon-ca, for 127\.0\.0\.1; 364 days left, until 2/);
    expect(out).toMatch(/ bytes .* 256 KiB each way, as they were sent$/m);
    expect(out).toMatch(
      new RegExp(`^ok +${a} -> ${b} +pair .* by a \\(zone zone-a\\) and b \\(zone zone-b\\)$`, 'm'),
    );
    expect(out).toMatch(/\n2 of 2 relays work alone, 2 of 2 pairs work\.\n$/);
  });

  it('one of which nobody runs any more: the others are told apart from it', {
    timeout: 60_000,
  }, async () => {
    const [closed = 0] = await freePorts(1);
    const { code, found, error } = await examine([cluster.port('a'), cluster.port('b'), closed]);
    expect({ code, error }).toEqual({ code: 1, error: 'beacon: one thing does not work\n' });
    expect(failures(found)).toEqual([
      {
        severity: 'failure',
        about: [at(closed)],
        text: expect.stringMatching(/^TCP: cannot reach the relay: connection refused; /),
        remedy: expect.stringContaining('others are reached from here'),
      },
    ]);
    expect(trials(found).map(({ failure }) => failure)).toEqual([undefined, undefined]);
    expect(found.pairs.filter((pair) => 'because' in pair)).toHaveLength(4);
  });

  it('that are none of ours, by their CA', { timeout: 60_000 }, async () => {
    const file = cluster.files.file('other-ca.crt');
    writeFileSync(file, makePki({ fresh: true }).relayCa.certificate);
    const { code, found } = await examine([cluster.port('a'), cluster.port('b')], '--beacon-ca', file);
    expect(code).toBe(1);
    expect(failures(found)).toMatchObject([
      {
        about: [at(cluster.port('a')), at(cluster.port('b'))],
        text: expect.stringMatching(
          /^certificate: the relay: its certificate is signed by an authority that is not trusted/,
        ),
        remedy: expect.stringContaining('no relay is trusted'),
      },
    ]);
  });
});
