/**
 * Runs a container of a rendered pod as a process of this machine: its arguments, its variables, and the files of its mounts as the
 * kubelet would lay them, in a directory of the test in place of /etc/beacon.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type BeaconProcess, type DaemonName, startBeacon } from '../processes.ts';
import type { Manifest } from './helm.ts';
import { containerOf, environmentOf, podOf } from './pods.ts';

type Files = Readonly<Record<string, string>>;

interface Source {
  readonly name?: string;
  readonly secretName?: string;
  readonly items?: readonly { readonly key: string; readonly path: string }[];
}
interface Place {
  readonly secret?: Source;
  readonly configMap?: Source;
  readonly projected?: { readonly sources: readonly Place[] };
}

export interface Surroundings {
  /** Where the files go. */
  readonly directory: string;
  /** Data of Secrets by name. */
  readonly secrets: Readonly<Record<string, Files>>;
  /** Among which ConfigMaps are looked for. */
  readonly manifests: readonly Manifest[];
  /** In place of ports of a pod of its own: `:8080` becomes a free one of loopback. */
  readonly env: Readonly<Record<string, string>>;
}

const ROOT = '/etc/beacon';

/** Resolves when it is up. The caller stops it. */
export async function runContainer(
  workload: Manifest,
  name: DaemonName,
  surroundings: Surroundings,
): Promise<BeaconProcess> {
  const container = containerOf(workload, name);
  const root = join(surroundings.directory, name);
  const volumes = podOf(workload).spec.volumes ?? [];
  for (const mount of (container.volumeMounts ?? []) as readonly { name: string; mountPath: string }[]) {
    const volume = volumes.find((each) => each['name'] === mount.name);
    if (!volume) throw new Error(`no volume ${mount.name}`);
    const files = filesOf(volume as unknown as Place, surroundings);
    for (const [path, text] of Object.entries(files)) {
      const file = join(mount.mountPath.replace(ROOT, root), path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text, { mode: 0o440 });
    }
  }
  const env = Object.entries({ ...environmentOf(container, {}), ...surroundings.env });
  const there = env.map(([variable, value]) => [variable, value.replace(ROOT, root)]);
  return startBeacon(container.args as [DaemonName, ...string[]], { env: Object.fromEntries(there) });
}

function filesOf({ secret, configMap, projected }: Place, surroundings: Surroundings): Files {
  if (projected)
    return Object.assign({}, ...projected.sources.map((source) => filesOf(source, surroundings)));
  const source = secret ?? configMap;
  const name = source?.secretName ?? source?.name ?? '';
  const data = secret ? surroundings.secrets[name] : configMapData(name, surroundings.manifests);
  if (!data) throw new Error(`there is no ${secret ? 'Secret' : 'ConfigMap'} ${name}`);
  const items = source?.items ?? Object.keys(data).map((key) => ({ key, path: key }));
  return Object.fromEntries(
    items.map(({ key, path }) => {
      const text = data[key];
      if (text === undefined) throw new Error(`${name} has no ${key}`);
      return [path, text];
    }),
  );
}

function configMapData(name: string, manifests: readonly Manifest[]): Files | undefined {
  const found = manifests.find((each) => each.kind === 'ConfigMap' && each.metadata.name === name);
  return found?.['data'] as unknown as Files | undefined;
}
