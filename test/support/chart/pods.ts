/** Pods in manifests, as far as tests look into them. */
import type { Manifest } from './helm.ts';
import type { Pod, PodSpec } from './pod-security.ts';

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } };
}

interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string };
}

export type Container = Omit<
  PodSpec['containers'][number],
  'ports' | 'livenessProbe' | 'readinessProbe' | 'startupProbe' | 'lifecycle'
> & {
  readonly lifecycle?: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } };
  readonly resources?: { readonly limits?: { readonly memory: string } };
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly EnvVar[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly unknown[];
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly startupProbe?: Probe;
};

export interface WorkloadPod {
  readonly metadata?: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: Omit<PodSpec, 'containers'> & {
    readonly containers: readonly Container[];
    readonly terminationGracePeriodSeconds?: number;
    readonly topologySpreadConstraints?: readonly {
      readonly topologyKey: string;
      readonly whenUnsatisfiable: string;
    }[];
  };
}

/** The pod of a workload, or the manifest where that is a pod itself. */
export function podOf(manifest: Manifest): WorkloadPod {
  const { template } = (manifest['spec'] ?? {}) as { readonly template?: WorkloadPod };
  return template ?? (manifest as unknown as WorkloadPod);
}

/** Whether something runs in it. */
export function isPod(manifest: Manifest): boolean {
  return Array.isArray((podOf(manifest).spec as PodSpec | undefined)?.containers);
}

/** For the rules of Pod Security. */
export function securityOf(manifest: Manifest): Pod {
  return podOf(manifest) as unknown as Pod;
}

export function containerOf(manifest: Manifest, name: string): Container {
  const found = podOf(manifest).spec.containers.find((container) => container.name === name);
  if (found) return found;
  throw new Error(`${manifest.kind} ${manifest.metadata.name} has no container ${name}`);
}

/** The variables as the process sees them; `fields` are what the pod's own fields hold, and are empty otherwise, as Secrets' are. */
export function environmentOf(
  { env }: Container,
  fields: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    env.map(({ name, value, valueFrom }) => [
      name,
      value ?? fields[valueFrom?.fieldRef?.fieldPath ?? ''] ?? '',
    ]),
  );
}
