/** `helm test`: the pod that it runs, and its very command line against real relays. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { DOCTOR_WAYS } from '../../src/base/limits.ts';
import { systemRandom } from '../../src/base/random.ts';
import { doctorCommand } from '../../src/cli/doctor.ts';
import { issueLeaf } from '../../src/pki/issue.ts';
import { makePki } from '../support/certificates.ts';
import { find, LEAST, type Manifest, NAMESPACE, render, type Values } from '../support/chart/helm.ts';
import { containerOf, podOf } from '../support/chart/pods.ts';
import { testHost } from '../support/cli-host.ts';
import { ProcessCluster } from '../support/cluster-processes.ts';
import { runBeacon } from '../support/processes.ts';

const HOST = 'relay.example.com';
const PODS = ['beacon-0', 'beacon-1', 'beacon-2'];
const WITH_HOST: Values = { ...LEAST, host: HOST };
const ALLOW = { infoHashes: ['ab'.repeat(32)] };
const SECRET = { tests: { existingSecret: 'doctor-ca' } };

const podIn = async (values: Values): Promise<Manifest> => find(await render(values), 'Pod');
const argsIn = async (values: Values) => containerOf(await podIn(values), 'doctor').args.slice(1);
const nameOf = (pod: string): string => `${pod}.beacon-headless.${NAMESPACE}.svc`;

describe('the pod', () => {
  it('is for `helm test` only, runs once, and is no relay', async () => {
    const manifests = await render(WITH_HOST);
    const pod = find(manifests, 'Pod');
    expect(pod.metadata).toMatchObject({
      name: 'beacon-doctor',
      annotations: { 'helm.sh/hook': 'test', 'helm.sh/hook-delete-policy': 'before-hook-creation' },
    });
    expect(podOf(pod).spec).toMatchObject({ restartPolicy: 'Never', activeDeadlineSeconds: 300 });
    const relays = find(manifests, 'StatefulSet').spec?.selector.matchLabels;
    expect(pod.metadata.labels).not.toMatchObject(relays ?? {});
  });

  it('goes to each relay by its own address, and verifies the name that clients use', async () => {
    const addresses = PODS.map((pod) => `${nameOf(pod)}:8443`).join(',');
    expect(await argsIn(WITH_HOST)).toEqual([`--beacon-address=${addresses}`, `--server-name=${HOST}`]);
    expect(await argsIn(LEAST)).toEqual([`--beacon-address=${addresses}`]);
  });

  it('goes to as many of them as can be examined', async () => {
    const [address = ''] = await argsIn({ ...LEAST, replicas: DOCTOR_WAYS + 1 });
    expect(address.split(',')).toHaveLength(DOCTOR_WAYS);
  });

  it('has a CA that is listed, or is to be refused', async () => {
    const [, , ...listed] = await argsIn({ ...WITH_HOST, ...SECRET, allow: ALLOW });
    expect(listed).toEqual(['--ca-cert=/etc/beacon/doctor/ca.crt', '--ca-key=/etc/beacon/doctor/ca.key']);
    expect((await argsIn({ ...WITH_HOST, allow: ALLOW })).slice(2)).toEqual(['--expect-refused']);
    const mine = { existingConfigMap: 'mine' };
    expect((await argsIn({ ...WITH_HOST, allow: mine })).slice(2)).toEqual(['--expect-refused']);
  });

  it('is labelled and placed like the relays', async () => {
    const more = {
      podLabels: { 'example.com/mesh': 'off' },
      podAnnotations: { 'example.com/note': 'x' },
      nodeSelector: { disk: 'none' },
      tolerations: [{ operator: 'Exists' }],
      imagePullSecrets: [{ name: 'registry' }],
    };
    const { metadata, ...pod } = await podIn({ ...WITH_HOST, ...more });
    expect([metadata.labels, metadata.annotations]).toMatchObject([more.podLabels, more.podAnnotations]);
    const { nodeSelector, tolerations, imagePullSecrets } = more;
    expect(pod['spec']).toMatchObject({ nodeSelector, tolerations, imagePullSecrets });
  });

  it('uses flags that there are', async () => {
    const known = doctorCommand(testHost()).options.map(({ long }) => long);
    const args = [
      ...(await argsIn({ ...WITH_HOST, ...SECRET })),
      ...(await argsIn({ ...LEAST, allow: ALLOW })),
    ];
    expect(args.map((arg) => arg.split('=')[0]).filter((flag) => !known.includes(flag))).toEqual([]);
  });

  it("sees the CA of the relays' certificate, and never its key", async () => {
    const pod = await podIn({ ...WITH_HOST, ...SECRET });
    const item = (key: string) => ({ key, path: key });
    expect(podOf(pod).spec.volumes).toEqual([
      { name: 'relay-ca', secret: { secretName: 'relay-tls', optional: true, items: [item('ca.crt')] } },
      {
        name: 'doctor',
        secret: { secretName: 'doctor-ca', defaultMode: 0o440, items: [item('ca.crt'), item('ca.key')] },
      },
    ]);
    const { env } = containerOf(pod, 'doctor');
    expect(env).toContainEqual({ name: 'SSL_CERT_FILE', value: '/etc/beacon/relay-ca/ca.crt' });
    expect(podOf(await podIn(WITH_HOST)).spec.volumes).toHaveLength(1);
  });
});

describe('its command line, against real relays', () => {
  /** Of this process alone: pods have addresses of their own and one port, and so have relays here. */
  const addressOf = (pod: string): string => `127.${1 + (process.pid % 250)}.83.${1 + PODS.indexOf(pod)}`;
  const doctorPki = makePki({ fresh: true });
  let cluster: ProcessCluster;

  /** Nodes with the names of pods, whose certificate is for HOST alone. */
  async function startNodes(...more: string[]): Promise<void> {
    for (const pod of PODS) {
      const own = ['--addr', `${addressOf(pod)}:8443`];
      await cluster.startNode(pod, { more: [...own, ...pair(), ...more] });
    }
    for (const pod of PODS) await cluster.joined(pod);
  }
  const pair = () => [
    '--tls-cert',
    cluster.files.file('host.crt'),
    '--tls-key',
    cluster.files.file('host.key'),
  ];

  beforeAll(async () => {
    cluster = await ProcessCluster.start({ names: [], expected: PODS });
    const { relayCa } = makePki();
    const issued = issueLeaf(relayCa, {
      role: 'relay',
      nowMs: systemClock.wall(),
      random: systemRandom,
      hosts: [{ type: 'dns', value: HOST }],
    });
    writeFileSync(cluster.files.file('host.crt'), issued.certificate);
    writeFileSync(cluster.files.file('host.key'), issued.key);
    writeFileSync(cluster.files.file('allowed'), `${doctorPki.infoHash}\n`);
    mkdirSync(cluster.files.file('relay-ca'));
    writeFileSync(cluster.files.file('relay-ca/ca.crt'), relayCa.certificate);
    mkdirSync(cluster.files.file('doctor'));
    writeFileSync(cluster.files.file('doctor/ca.crt'), doctorPki.bridgeCa.certificate);
    writeFileSync(cluster.files.file('doctor/ca.key'), doctorPki.bridgeCa.key);
  });
  afterAll(() => cluster.remove());

  /** Runs what the container would, with the volumes where the test has their files, and the names as a cluster's DNS has them. */
  async function runPod(values: Values) {
    const { args, env } = containerOf(await podIn(values), 'doctor');
    const here = (text: string): string => text.replaceAll('/etc/beacon', cluster.files.directory);
    return runBeacon(args.map(here), {
      env: Object.fromEntries(env.map(({ name, value = '' }) => [name, here(value)])),
      nodeFlags: ['--import', resolver(Object.fromEntries(PODS.map((pod) => [nameOf(pod), addressOf(pod)])))],
      limitMs: 50_000,
    });
  }

  it('pairs a broker at each relay with a bridge at each other one', async () => {
    await startNodes();
    const { code, out, error } = await runPod(WITH_HOST);
    expect({ code, error }, out).toEqual({ code: 0, error: '' });
    expect(out).toContain('\n3 of 3 relays work alone, 6 of 6 pairs work.\n');
    for (const [at, pod] of PODS.entries()) {
      const next = PODS[(at + 1) % 3] as string;
      const crossed = `by ${pod} \\(zone zone-${pod}\\) and ${next} \\(zone zone-${next}\\)`;
      expect(out).toMatch(new RegExp(`^ok .* -> ${nameOf(next)}:8443 .*${crossed}$`, 'm'));
    }
    const elsewhere = await runPod({ ...WITH_HOST, host: 'other.example.com' });
    expect(elsewhere).toMatchObject({ code: 1, out: expect.stringContaining(`it is for DNS:${HOST}`) });
    await cluster.node('beacon-1').stop();
    const two = await runPod(WITH_HOST);
    expect(two).toMatchObject({
      code: 1,
      out: expect.stringContaining('2 of 3 relays work alone, 2 of 6 pairs'),
    });
    await Promise.all(PODS.map((pod) => cluster.node(pod).kill()));
  });

  it('uses the CA that an allow file lists, or says loudly that pairs were not tried', async () => {
    await startNodes('--allow-file', cluster.files.file('allowed'));
    const values = { ...WITH_HOST, allow: ALLOW };
    expect(await runPod({ ...values, ...SECRET })).toMatchObject({
      code: 0,
      out: expect.stringContaining('3 of 3 relays work alone, 6 of 6 pairs work.'),
    });
    expect(await runPod(values)).toMatchObject({
      code: 0,
      out: expect.stringContaining('NO PAIR WAS TRIED: 3 of 3 relays refused'),
    });
    onTestFinished(async () => void (await Promise.all(PODS.map((pod) => cluster.node(pod).kill()))));
  });
});

/** A module for `node --import`: `names` stand for these addresses, as a cluster's DNS has it. */
function resolver(names: Readonly<Record<string, string>>): string {
  const program = `
    import dns from 'node:dns/promises';
    import { syncBuiltinESMExports } from 'node:module';
    const names = ${JSON.stringify(names)};
    dns.lookup = async (host) => [{ address: names[host], family: 4 }];
    syncBuiltinESMExports();
  `;
  return `data:text/javascript,${encodeURIComponent(program)}`;
}
