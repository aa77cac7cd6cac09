/** That manifests can fail at all: what kubectl would refuse is found. */
import { describe, expect, it } from 'vitest';
import { KUBERNETES_VERSIONS } from '../../scripts/ci/chart-tools.ts';
import { find, LEAST, type Manifest, render } from '../support/chart/helm.ts';
import { validatorFor } from '../support/chart/schemas.ts';

/** A copy in which the value at `path` is another one. */
function changed(manifest: Manifest, path: readonly (string | number)[], value: unknown): Manifest {
  const copy = structuredClone(manifest);
  const last = path.at(-1) ?? '';
  const parent = path.slice(0, -1).reduce<unknown>((node, key) => (node as never)[key], copy);
  (parent as Record<string | number, unknown>)[last] = value;
  return copy;
}

describe.each(KUBERNETES_VERSIONS)('against Kubernetes %s', (version) => {
  const validate = validatorFor(version);
  const container = ['spec', 'template', 'spec', 'containers', 0];

  it.each([
    ['an unknown field', [...container, 'readOnlyRootFilesystem'], true],
    ['an unknown field of the pod', ['spec', 'template', 'spec', 'nodeSelectors'], {}],
    ['an unknown field of the metadata', ['metadata', 'label'], {}],
    ['a number for a string', [...container, 'env', 0, 'value'], 8443],
    ['a string for a number', ['spec', 'replicas'], 'three'],
    ['an object for a list', [...container, 'env'], { name: 'A', value: 'b' }],
    ['nothing where something is needed', ['spec', 'selector'], undefined],
  ])('%s in a StatefulSet is found', async (_, path, value) => {
    const manifest = find(await render(LEAST), 'StatefulSet');
    expect(validate(manifest)).toEqual([]);
    expect(validate(changed(manifest, path, value))).not.toEqual([]);
  });

  it('an unknown field of a custom resource is found', async () => {
    const values = { host: 'relay.example.com', tls: { issuer: 'dns' } };
    const manifest = find(await render(values), 'Certificate');
    expect(validate(manifest)).toEqual([]);
    expect(validate(changed(manifest, ['spec', 'dnsName'], 'x'))).not.toEqual([]);
    expect(validate(changed(manifest, ['spec', 'usages'], ['all']))).not.toEqual([]);
  });

  it('an unknown kind is found', async () => {
    const manifest = find(await render(LEAST), 'PodDisruptionBudget');
    expect(validate({ ...manifest, apiVersion: 'policy/v1beta1' })).toEqual([
      `Kubernetes ${version} has no policy/v1beta1 PodDisruptionBudget`,
    ]);
  });
});
