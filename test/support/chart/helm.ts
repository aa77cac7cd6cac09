/** The chart by the real helm: what it renders, and how it refuses. */
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseAllDocuments } from 'yaml';
import { CHART_TOOLS, type KubernetesVersion } from '../../../scripts/ci/chart-tools.ts';

export const CHART = 'chart';
export const NAMESPACE = 'relays';

export type Values = Readonly<Record<string, unknown>>;

/** The least that renders. */
export const LEAST: Values = { tls: { existingSecret: 'relay-tls' } };

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: { readonly selector: { readonly matchLabels: Readonly<Record<string, string>> } };
  readonly [key: string]: unknown;
}

export interface HelmResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RenderOptions {
  readonly release?: string;
  /** Default: the oldest that the chart takes. */
  readonly kubernetes?: KubernetesVersion;
  /** Further arguments of `helm template`. */
  readonly args?: readonly string[];
}

/** Runs helm with `values` on its standard input, for `-f -`, and nothing of this machine's configuration. */
export async function helm(
  args: readonly string[],
  values: Values = {},
  env: Readonly<Record<string, string>> = {},
): Promise<HelmResult> {
  const nowhere = join(tmpdir(), 'beacon-test-no-such-directory');
  const child = spawn(CHART_TOOLS.helm, args, {
    env: {
      HOME: nowhere,
      HELM_CACHE_HOME: nowhere,
      HELM_CONFIG_HOME: nowhere,
      HELM_DATA_HOME: nowhere,
      ...env,
    },
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', reject);
  });
  child.stdin.on('error', () => {}); // helm that fails early does not read it
  child.stdin.end(JSON.stringify(values));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}

function template(values: Values, options: RenderOptions): Promise<HelmResult> {
  const { release = 'beacon', kubernetes = '1.29.0', args = [] } = options;
  const fixed = ['--namespace', NAMESPACE, '--kube-version', kubernetes, '--values', '-'];
  return helm(['template', release, CHART, ...fixed, ...args], values);
}

/** Every manifest that `values` render to. */
export async function render(values: Values, options: RenderOptions = {}): Promise<readonly Manifest[]> {
  const { code, stdout, stderr } = await template(values, options);
  if (code !== 0) throw new Error(`helm template ended with ${code}: ${stderr}`);
  return manifestsOf(stdout);
}

/** Read as Kubernetes reads it: YAML 1.1, where 0440 is octal, and no key twice. */
export function manifestsOf(yaml: string): readonly Manifest[] {
  return parseAllDocuments(yaml, { version: '1.1', uniqueKeys: true }).flatMap((document) => {
    const [error] = document.errors;
    if (error) throw error;
    return document.contents === null ? [] : [document.toJS() as Manifest];
  });
}

/** What helm says of values that it must refuse, without what it says of itself. */
export async function refusalOf(values: Values, options: RenderOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await template(values, options);
  if (code === 0) throw new Error(`these values were not refused: ${stdout}`);
  return spoken(stderr);
}

/** `stderr` of helm without its frame: where the chart failed, and the advice to try --debug. */
export function spoken(stderr: string): string {
  return stderr
    .replace(/^Error: (?:INSTALLATION FAILED: |UPGRADE FAILED: )?/m, '')
    .replace(/^execution error at \(\S+\): /, '')
    .replace(/\nUse --debug flag to render out invalid YAML\n?$/, '')
    .trim();
}

/** The only manifest of `kind`, or the one of that name. */
export function find(manifests: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = manifests.filter(
    (each) => each.kind === kind && (name === undefined || each.metadata.name === name),
  );
  const [only, ...more] = found;
  if (only && more.length === 0) return only;
  throw new Error(`${found.length} of kind ${kind}, where one was expected`);
}
