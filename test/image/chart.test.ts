/**
 * The pods of the chart, as containers of a real engine: its commands, variables, files, user and limits, under the names that the headless
 * Service gives them. What Kubernetes does beside that, to schedule and to route, is not here.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingChartTools } from '../../scripts/ci/chart-tools.ts';
import { CommandError } from '../../scripts/command.ts';
import { buildImage } from '../../scripts/image/build.ts';
import { docker } from '../../scripts/image/docker.ts';
import { makePki } from '../support/certificates.ts';
import { decodedData } from '../support/chart/api-server.ts';
import { find, NAMESPACE, render } from '../support/chart/helm.ts';
import { type Container, containerOf, environmentOf } from '../support/chart/pods.ts';
import { drainIn } from '../support/container-drain.ts';
import { until } from '../support/leaks.ts';

const NAME = `beacon-test-chart-${process.pid}`;
const IMAGE = `beacon:${NAME}`;
const ZONE = "metadata.labels['topology.kubernetes.io/zone']";
/** The last stands in a cluster that does not say. */
const PODS = [
  { name: 'beacon-0', zone: 'eu-1a' },
  { name: 'beacon-1', zone: 'eu-1b' },
  { name: 'beacon-2', zone: '' },
];

const root = mkdtempSync(join(tmpdir(), 'beacon-chart-test-'));
let relay: Container;

interface Status {
  readonly zone: string;
  readonly members: readonly {
    readonly node: string;
    readonly state: string;
    readonly zone: string | null;
  }[];
}

const containerName = (pod: string): string => `${NAME}-${pod}`;
const exec = (pod: string, ...command: readonly string[]): string =>
  docker(['exec', containerName(pod), ...command]);
const statusOf = (pod: string): Status => JSON.parse(exec(pod, 'beacon', 'status', '--json'));

/** Whether a relay knows all others; false where it does not answer yet. */
function hasJoined(pod: string): boolean {
  try {
    const { members } = statusOf(pod);
    return members.length === PODS.length - 1 && members.every(({ state }) => state === 'connected');
  } catch (error) {
    if (error instanceof CommandError) return false;
    throw error;
  }
}

/** Secrets and ConfigMap as files, for the mounts of the pod; all may read them, as the engine knows no fsGroup. */
function writeMounts(files: Readonly<Record<string, Readonly<Record<string, string>>>>): void {
  chmodSync(root, 0o755);
  for (const [mount, contents] of Object.entries(files)) {
    mkdirSync(join(root, mount));
    for (const [file, text] of Object.entries(contents)) writeFileSync(join(root, mount, file), text);
  }
}

/** As a kubelet would, from what the chart says of the container. */
function startPod({ name, zone }: (typeof PODS)[number]): void {
  const { securityContext, resources } = relay;
  const alias = `${name}.beacon-headless.${NAMESPACE}.svc`;
  const env = environmentOf(relay, { 'metadata.name': name, [ZONE]: zone });
  const memory = resources?.limits?.memory.replace(/i$/, '').toLowerCase() ?? '';
  docker([
    ...['run', '--detach', '--name', containerName(name), '--hostname', name],
    ...['--network', NAME, '--network-alias', alias, '--user', '65532:65532', '--memory', memory],
    ...(securityContext?.readOnlyRootFilesystem ? ['--read-only'] : []),
    ...(securityContext?.capabilities?.drop ?? []).flatMap((each) => ['--cap-drop', each]),
    ...(securityContext?.allowPrivilegeEscalation ? [] : ['--security-opt', 'no-new-privileges']),
    ...readdirSync(root).flatMap((mount) => ['--volume', `${join(root, mount)}:/etc/beacon/${mount}:ro`]),
    ...Object.entries(env).flatMap(([key, value]) => ['--env', `${key}=${value}`]),
    IMAGE,
    ...relay.args,
  ]);
}

beforeAll(async () => {
  const missing = missingChartTools();
  if (missing.length > 0) throw new Error(`npm run chart:tools is needed for:\n${missing.join('\n')}`);
  const pki = makePki();
  const manifests = await render({
    tls: { existingSecret: 'relay-tls' },
    allow: { infoHashes: [pki.infoHash] },
  });
  relay = containerOf(find(manifests, 'StatefulSet'), 'relay');
  writeMounts({
    tls: { 'tls.crt': pki.relay.certificate, 'tls.key': pki.relay.key },
    cluster: decodedData(find(manifests, 'Secret')),
    allow: find(manifests, 'ConfigMap')['data'] as Record<string, string>,
  });
  buildImage({ tag: IMAGE, base: process.env['NODE_IMAGE'] });
  docker(['network', 'create', '--internal', NAME]);
  for (const pod of PODS) startPod(pod);
});

afterAll(() => {
  for (const clean of [
    ['rm', '--force', '--volumes', ...PODS.map(({ name }) => containerName(name))],
    ['network', 'rm', NAME],
    ['image', 'rm', '--no-prune', IMAGE],
  ]) {
    docker(clean);
  }
  rmSync(root, { recursive: true });
});

describe('three pods', () => {
  it('find each other by the names of the headless Service', async () => {
    await until(() => PODS.every(({ name }) => hasJoined(name)));
  });

  it('name the zone that they are told, and no other', () => {
    const zones = statusOf('beacon-0').members.map(({ node, zone }) => [node, zone]);
    expect(zones.toSorted()).toEqual([
      ['beacon-1', 'eu-1b'],
      ['beacon-2', 'unknown'],
    ]);
    expect(statusOf('beacon-2').zone).toBe('unknown');
  });

  it.each(['startupProbe', 'readinessProbe', 'livenessProbe'] as const)('pass their %s', (probe) => {
    const { path } = relay[probe]?.httpGet ?? {};
    const url = `http://beacon-1.beacon-headless.${NAMESPACE}.svc:8080${path}`;
    const ask = `fetch('${url}').then(({ status }) => console.log(status))`;
    expect(exec('beacon-0', 'node', '--eval', ask)).toBe('200');
  });

  it('have the heap that they are given', () => {
    const limit = 'console.log(v8.getHeapStatistics().heap_size_limit / 2 ** 20)';
    const mebibytes = Number(exec('beacon-1', 'node', '--eval', limit));
    expect(mebibytes).toBeGreaterThanOrEqual(256);
    expect(mebibytes).toBeLessThan(512);
  });

  it('leave by what the chart runs before they stop', async () => {
    const command = relay.lifecycle?.preStop.exec.command ?? [];
    drainIn(containerName('beacon-0'), command);
    expect(docker(['wait', containerName('beacon-0')])).toBe('0');
    await until(() => !hasJoined('beacon-1'));
  });
});
