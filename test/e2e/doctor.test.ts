/** `beacon doctor` against real relays: what it says of each that works, and of each way not to. */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { Examination, Trial } from '../../src/doctor/types.ts';
import { issueLeaf } from '../../src/pki/issue.ts';
import { makePki, writePki } from '../support/certificates.ts';
import { ProcessCluster, SECRET_B } from '../support/cluster-processes.ts';
import { freePorts } from '../support/ports.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  runBeacon,
  startBeacon,
} from '../support/processes.ts';
import { acceptOffer, cutClients } from '../support/wire-client.ts';

const NAMES = ['a', 'b', 'c'];
/** Nodes that do not know each other take 10 s, and this machine may be busy. */
const LIMIT_MS = 60_000;
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
  return runBeacon(['doctor', '--beacon-address', ports.map(at).join(','), ...ca, ...more], {
    limitMs: LIMIT_MS,
  });
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

describe('a node', () => {
  it('that has not the secret of the others works alone, and is named', { timeout: 90_000 }, async () => {
    const apart = await ProcessCluster.start({ names: ['a', 'b'], expected: ['c'] });
    onTestFinished(() => apart.remove());
    await apart.startNode('c', { secret: [SECRET_B] });
    const ports = NAMES.map((name) => apart.port(name));
    const { code, found } = await examine(ports, '--beacon-ca', apart.files.file('relay-ca.crt'));
    expect([code, found.alone.map(({ failure }) => failure)]).toEqual([1, [undefined, undefined, undefined]]);
    expect(failures(found)).toEqual([
      {
        severity: 'failure',
        about: [at(apart.port('c'))],
        text: `c (${at(apart.port('c'))}) works alone, and it and the other nodes do not know each other`,
        remedy: expect.stringContaining('--cluster-secret-file'),
      },
    ]);
    const broken = trials(found).filter(({ failure }) => failure);
    expect(broken.map(({ failure }) => failure?.code)).toEqual(Array(4).fill('noBridge'));
  });

  it('that drains sends bridges away, and the others go on', { timeout: 60_000 }, async () => {
    const leaving = await ProcessCluster.start();
    onTestFinished(() => leaving.remove());
    // What it serves keeps it from leaving at once.
    const pki = makePki({ fresh: true });
    const bridge = await leaving.park('a', pki);
    const broker = await leaving.connect('a', pki);
    await acceptOffer(bridge);
    await broker.expect('paired');
    leaving.node('a').kill('SIGTERM');
    await leaving.node('a').waitFor('this node drains');
    const ports = NAMES.map((name) => leaving.port(name));
    const { code, found } = await examine(ports, '--beacon-ca', leaving.files.file('relay-ca.crt'));
    expect(code).toBe(1);
    expect(failures(found)).toEqual([
      {
        severity: 'failure',
        about: [at(leaving.port('a'))],
        text: expect.stringMatching(/^park: the relay refused \(draining\)/),
        remedy: expect.stringContaining('it is being restarted'),
      },
    ]);
    expect(trials(found).map(({ failure }) => failure)).toEqual([undefined, undefined]);
  });
});

describe('relays', () => {
  it('with an allow file, by a CA that is listed and by one that is not', { timeout: 60_000 }, async () => {
    const files = await makePkiDirectory();
    onTestFinished(() => files.remove());
    const doctorPki = makePki({ fresh: true });
    writePki(files.file('doctor'), doctorPki);
    writeFileSync(files.file('allowed'), `${doctorPki.infoHash}\n`);
    const allow = ['--allow-file', files.file('allowed')];
    const relays = await Promise.all([relay(files, ...allow), relay(files, ...allow)]);
    const ports = relays.map(({ port }) => port);
    const ca = ['--beacon-ca', files.file('relay-ca.crt')];

    const stranger = await examine(ports, ...ca);
    expect(stranger.code).toBe(1);
    expect(failures(stranger.found)).toEqual([
      {
        severity: 'failure',
        about: ports.map(at),
        text: expect.stringMatching(/^park: the relay refused \(notAllowed\)/),
        remedy: expect.stringMatching(/that much is well\. .*beacon certs init --out doctor/),
      },
    ]);

    const listed = [
      '--ca-cert',
      files.file('doctor/bridge-ca.crt'),
      '--ca-key',
      files.file('doctor/bridge-ca.key'),
    ];
    const [port = 0] = ports;
    const taken = await examine([port], ...ca, ...listed);
    expect([taken.code, taken.found.alone[0]?.failure]).toEqual([0, undefined]);

    const expected = await doctor(ports, ...ca, '--expect-refused');
    expect(expected).toMatchObject({ code: 0, out: expect.stringContaining('NO PAIR WAS TRIED: 2 of 2') });
    const open = await relay(files);
    const wrong = await examine([...ports, open.port], ...ca, '--expect-refused');
    expect([wrong.code, failures(wrong.found).map(({ about }) => about)]).toEqual([1, [[at(open.port)]]]);
  });

  it('are verified for the name that clients dial, wherever they are dialled', {
    timeout: 60_000,
  }, async () => {
    const { relayCa } = makePki();
    const hosts = [{ type: 'dns', value: 'relay.example.org' }] as const;
    const nowMs = systemClock.wall();
    const issued = issueLeaf(relayCa, { role: 'relay', nowMs, random: systemRandom, hosts });
    const files = await makePkiDirectory({ ...makePki(), relay: issued });
    onTestFinished(() => files.remove());
    const { port } = await relay(files);
    const ca = ['--beacon-ca', files.file('relay-ca.crt')];
    expect((await examine([port], ...ca, '--server-name', 'relay.example.org')).code).toBe(0);
    const byAddress = await examine([port], ...ca);
    expect([byAddress.code, byAddress.found.alone[0]?.failure]).toMatchObject([
      1,
      { step: 'certificate', code: 'untrusted', certifiedFor: 'DNS:relay.example.org' },
    ]);
  });
});

/** A relay that runs alone. */
async function relay(files: PkiDirectory, ...more: string[]): Promise<BeaconProcess> {
  const process = await startBeacon(files.relayArgs(...more));
  onTestFinished(() => void process.kill());
  return process;
}
