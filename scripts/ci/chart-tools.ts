/**
 * What `npm run test:chart` needs beside npm's packages: `npm run chart:tools` builds helm and fetches the descriptions of Kubernetes'
 * API, by Go, into a cache outside of the checkout. What is there already is not made again.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'beacon');

const HELM_MODULE = 'helm.sh/helm/v3/cmd/helm@v3.22.0';
const HELM = join(CACHE, 'helm-v3.22.0', 'helm');

/** The oldest Kubernetes that the chart takes, and the newest that there is. */
export const KUBERNETES_VERSIONS = ['1.29.0', '1.37.0'] as const;
export type KubernetesVersion = (typeof KUBERNETES_VERSIONS)[number];

/** Files, or folders with all that is in them, of a Go module, as its authors publish them with the source. */
interface Published {
  readonly module: string;
  readonly version: string;
  readonly files: readonly string[];
}

const CERT_MANAGER: Published = {
  module: 'github.com/cert-manager/cert-manager',
  version: 'v1.21.2',
  files: ['deploy/crds/cert-manager.io_certificates.yaml'],
};
const PROMETHEUS_OPERATOR: Published = {
  module: 'github.com/prometheus-operator/prometheus-operator',
  version: 'v0.85.0',
  files: ['podmonitors', 'prometheusrules', 'servicemonitors'].map(
    (plural) => `example/prometheus-operator-crd/monitoring.coreos.com_${plural}.yaml`,
  ),
};

/** Pods that pass the profile "restricted" of Kubernetes 1.37, and pods that fail for one reason each. */
const POD_SECURITY: Published = {
  module: 'k8s.io/pod-security-admission',
  version: 'v0.37.0',
  files: ['pass', 'fail'].map((outcome) => `test/testdata/restricted/v1.37/${outcome}`),
};

function kubernetes(version: KubernetesVersion): Published {
  return { module: 'k8s.io/kubernetes', version: `v${version}`, files: ['api/openapi-spec/swagger.json'] };
}

const PUBLISHED = [...KUBERNETES_VERSIONS.map(kubernetes), CERT_MANAGER, PROMETHEUS_OPERATOR, POD_SECURITY];

function placesOf({ module, version, files }: Published): readonly string[] {
  return files.map((file) => join(CACHE, `${basename(module)}-${version}`, basename(file)));
}

export interface ChartTools {
  readonly helm: string;
  /** Kubernetes' own objects: a description in OpenAPI 2. */
  readonly swagger: Readonly<Record<KubernetesVersion, string>>;
  /** CustomResourceDefinitions. */
  readonly crds: readonly string[];
  /** Folders with pods. */
  readonly podSecurity: { readonly pass: string; readonly fail: string };
}

/** Where the tools are, whether they are there or not. */
export const CHART_TOOLS: ChartTools = {
  helm: HELM,
  swagger: Object.fromEntries(
    KUBERNETES_VERSIONS.map((version) => [version, placesOf(kubernetes(version))[0]]),
  ) as Record<KubernetesVersion, string>,
  crds: [CERT_MANAGER, PROMETHEUS_OPERATOR].flatMap(placesOf),
  podSecurity: Object.fromEntries(placesOf(POD_SECURITY).map((place) => [basename(place), place])) as Record<
    'pass' | 'fail',
    string
  >,
};

/** The tools that are not there. */
export function missingChartTools(): readonly string[] {
  const places = [CHART_TOOLS.helm, ...PUBLISHED.flatMap(placesOf)];
  return places.filter((place) => !existsSync(place));
}

/** Puts the file that `make` makes at another place into its own, so that a half-made one is never taken for it. */
function make(place: string, produce: (temporary: string) => boolean): boolean {
  if (existsSync(place)) return true;
  const directory = `${dirname(place)}.${process.pid}`;
  mkdirSync(directory, { recursive: true });
  mkdirSync(dirname(place), { recursive: true });
  try {
    const temporary = join(directory, basename(place));
    if (!produce(temporary)) return false;
    renameSync(temporary, place);
    return true;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function installHelm(): boolean {
  return make(HELM, (temporary) => {
    const env = { ...process.env, GOBIN: dirname(temporary) };
    return spawnSync('go', ['install', HELM_MODULE], { env, stdio: 'inherit' }).status === 0;
  });
}

function fetchPublished(published: Published): boolean {
  const places = placesOf(published);
  if (places.every((place) => existsSync(place))) return true;
  const what = `${published.module}@${published.version}`;
  const { status, stdout } = spawnSync('go', ['mod', 'download', '-json', what], {
    // Not in a module of somebody else, whose go.mod would count.
    cwd: CACHE,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) return false;
  const { Dir: directory } = JSON.parse(stdout);
  return published.files.every((file, i) =>
    make(places[i] as string, (temporary) => {
      copy(join(directory, file), temporary);
      return true;
    }),
  );
}

/** With modes of our own: what lies in Go's cache cannot be written, and so not be removed. */
function copy(from: string, to: string): void {
  if (!statSync(from).isDirectory()) {
    writeFileSync(to, readFileSync(from));
    return;
  }
  mkdirSync(to);
  for (const name of readdirSync(from)) copy(join(from, name), join(to, name));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(CACHE, { recursive: true });
  if (spawnSync('go', ['version']).status !== 0) {
    console.error('chart:tools needs Go 1.26 or newer, to build helm: see https://go.dev/dl/');
    process.exitCode = 1;
  } else {
    process.exitCode = installHelm() && PUBLISHED.every(fetchPublished) ? 0 : 1;
  }
}
