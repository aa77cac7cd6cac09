/**
 * A stand-in for Kubernetes' API on a free port of loopback: as much as helm asks of it to install and to upgrade. It keeps what it is
 * given as it is, by path; it makes no pods of it.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import type { KubernetesVersion } from '../../../scripts/ci/chart-tools.ts';
import {
  CHART,
  type HelmResult,
  helm,
  type Manifest,
  manifestsOf,
  NAMESPACE,
  spoken,
  type Values,
} from './helm.ts';
import { decodeSecret, isProtobuf } from './protobuf-secret.ts';

/** Resources by `group/version`: kinds by their plurals. */
const RESOURCES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  v1: {
    configmaps: 'ConfigMap',
    pods: 'Pod',
    secrets: 'Secret',
    serviceaccounts: 'ServiceAccount',
    services: 'Service',
  },
  'apps/v1': { deployments: 'Deployment', statefulsets: 'StatefulSet' },
  'cert-manager.io/v1': { certificates: 'Certificate' },
  'monitoring.coreos.com/v1': {
    podmonitors: 'PodMonitor',
    prometheusrules: 'PrometheusRule',
    servicemonitors: 'ServiceMonitor',
  },
  'networking.k8s.io/v1': { networkpolicies: 'NetworkPolicy' },
  'policy/v1': { poddisruptionbudgets: 'PodDisruptionBudget' },
};

interface Stored {
  metadata: { name: string; labels?: Record<string, string> };
  [key: string]: unknown;
}

type Answer = readonly [status: number, body: object];

/** What helm made of the chart. */
export interface Release {
  readonly manifests: readonly Manifest[];
  readonly notes: string;
}

export interface Cluster {
  /** Installs or upgrades the release `beacon`, `flags` such as `--dry-run=server` included. Rejects where helm refuses. */
  helm(command: 'install' | 'upgrade', values: Values, ...flags: readonly string[]): Promise<Release>;
  /** What helm says where it refuses to install. */
  refusalOf(values: Values): Promise<string>;
  putSecret(name: string, data: Readonly<Record<string, string>>): void;
  /** The data of a Secret, decoded; undefined where there is none. */
  secret(name: string): Readonly<Record<string, string>> | undefined;
}

/** Ends with the test. */
export async function startCluster(version: KubernetesVersion = '1.37.0'): Promise<Cluster> {
  const stored = new Map<string, Stored>();
  const api = await startApi(stored, version);
  const run = (command: string, values: Values, ...flags: readonly string[]): Promise<HelmResult> => {
    const where = ['--kube-apiserver', api, '--namespace', NAMESPACE, '--disable-openapi-validation'];
    const args = [command, 'beacon', CHART, ...where, '--values', '-', '--output', 'json', ...flags];
    return helm(args, values);
  };
  const pathOf = (name: string): string => `/api/v1/namespaces/${NAMESPACE}/secrets/${name}`;
  return {
    async helm(command, values, ...flags) {
      const { code, stdout, stderr } = await run(command, values, ...flags);
      if (code !== 0) throw new Error(`helm ${command} ended with ${code}: ${stderr}`);
      const release = JSON.parse(stdout);
      return { manifests: manifestsOf(release.manifest), notes: release.info.notes };
    },
    async refusalOf(values) {
      const { code, stdout, stderr } = await run('install', values);
      if (code === 0) throw new Error(`these values were not refused: ${stdout}`);
      return spoken(stderr);
    },
    putSecret(name, data) {
      const pairs = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
      const encoded = Object.fromEntries(pairs);
      const metadata = { name };
      stored.set(pathOf(name), { apiVersion: 'v1', kind: 'Secret', metadata, data: encoded });
    },
    secret(name) {
      const found = stored.get(pathOf(name));
      return found && decodedData(found);
    },
  };
}

/** The data of a Secret as it is. */
export function decodedData(secret: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const entries = Object.entries((secret['data'] ?? {}) as Record<string, string>);
  return Object.fromEntries(entries.map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]));
}

/** Its URL. */
async function startApi(stored: Map<string, Stored>, version: KubernetesVersion): Promise<string> {
  const server = createServer((request, response) => {
    answer(request, stored, version)
      .catch((error: unknown): Answer => [500, status(500, 'InternalError', String(error))])
      .then(([code, body]) => send(response, code, body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function answer(
  request: IncomingMessage,
  stored: Map<string, Stored>,
  version: KubernetesVersion,
): Promise<Answer> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
  const discovered = request.method === 'GET' ? discovery(pathname, version) : undefined;
  if (discovered) return [200, discovered];
  const place = /^\/apis?\/(.*?)\/namespaces\/[^/]+\/([^/]+)(?:\/([^/]+))?$/.exec(pathname);
  const kind = RESOURCES[place?.[1] ?? '']?.[place?.[2] ?? ''];
  if (!place || !kind) return [404, status(404, 'NotFound', `nothing is at ${pathname}`)];
  if (request.method === 'POST') return create(pathname, await bodyOf(request), stored);
  const [, apiVersion, , name] = place;
  if (name === undefined) {
    const items = list(pathname, searchParams.get('labelSelector') ?? '', stored);
    return [200, { apiVersion, kind: `${kind}List`, metadata: {}, items }];
  }
  const found = stored.get(pathname);
  if (!found) return [404, status(404, 'NotFound', `there is no ${kind} ${name}`)];
  return change(request, pathname, found, stored);
}

async function bodyOf(request: IncomingMessage): Promise<Stored> {
  const body = await buffer(request);
  return isProtobuf(body) ? { ...decodeSecret(body) } : JSON.parse(body.toString());
}

/** Of the selectors only those of equality, which are all that helm uses. */
function list(collection: string, selector: string, stored: ReadonlyMap<string, Stored>): readonly Stored[] {
  const wanted = selector
    .split(',')
    .filter(Boolean)
    .map((term) => term.split('='));
  return [...stored]
    .filter(([path]) => path.startsWith(`${collection}/`))
    .map(([, object]) => object)
    .filter(({ metadata }) => wanted.every(([key = '', value]) => metadata.labels?.[key] === value));
}

async function change(
  request: IncomingMessage,
  path: string,
  found: Stored,
  stored: Map<string, Stored>,
): Promise<Answer> {
  if (request.method === 'GET') return [200, found];
  if (request.method === 'DELETE') {
    stored.delete(path);
    return [200, status(200, '', '')];
  }
  const body = await bodyOf(request);
  const next = request.method === 'PUT' ? body : (patched(found, body) as Stored);
  stored.set(path, next);
  return [200, next];
}

function create(collection: string, object: Stored, stored: Map<string, Stored>): Answer {
  const { name } = object.metadata;
  const path = `${collection}/${name}`;
  if (stored.has(path)) return [409, status(409, 'AlreadyExists', `${name} is there already`)];
  stored.set(path, object);
  return [201, object];
}

/** A merge patch (RFC 7386). Lists are replaced, where Kubernetes would merge some by their keys: no test looks into those. */
function patched(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const merged: Record<string, unknown> = { ...(target as object) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else if (!key.startsWith('$')) merged[key] = patched(merged[key], value);
  }
  return merged;
}

function discovery(path: string, version: KubernetesVersion): object | undefined {
  const [major, minor] = version.split('.');
  if (path === '/version') return { major, minor, gitVersion: `v${version}` };
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups() };
  const groupVersion = path.replace(/^\/apis?\//, '');
  const resources = RESOURCES[groupVersion];
  if (!resources) return undefined;
  const verbs = ['create', 'delete', 'get', 'list', 'patch', 'update'];
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion,
    resources: Object.entries(resources).map(([name, kind]) => ({ name, kind, namespaced: true, verbs })),
  };
}

function groups(): readonly object[] {
  return Object.keys(RESOURCES)
    .filter((groupVersion) => groupVersion.includes('/'))
    .map((groupVersion) => {
      const [name, version] = groupVersion.split('/');
      return { name, versions: [{ groupVersion, version }], preferredVersion: { groupVersion, version } };
    });
}

function status(code: number, reason: string, message: string): object {
  const outcome = code < 400 ? 'Success' : 'Failure';
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: outcome, code, reason, message };
}

function send(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}
