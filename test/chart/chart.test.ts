/** Every file of values in chart/ci: linted, rendered, and what comes of it valid. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { KUBERNETES_VERSIONS, type KubernetesVersion } from '../../scripts/ci/chart-tools.ts';
import { CHART, helm, render, type Values } from '../support/chart/helm.ts';
import { podSecurityFaults } from '../support/chart/pod-security.ts';
import { isPod, podOf, securityOf } from '../support/chart/pods.ts';
import { validatorFor } from '../support/chart/schemas.ts';

const FILES = readdirSync(join(CHART, 'ci')).filter((file) => file.endsWith('-values.yaml'));
const VALIDATORS = Object.fromEntries(
  KUBERNETES_VERSIONS.map((version) => [version, validatorFor(version)]),
) as Record<KubernetesVersion, ReturnType<typeof validatorFor>>;

const valuesOf = (file: string): Values => parse(readFileSync(join(CHART, 'ci', file), 'utf8'));

describe.each(FILES)('%s', (file) => {
  it('is linted without a word', async () => {
    const args = ['lint', CHART, '--strict', '--kube-version', '1.29.0', '--values', join(CHART, 'ci', file)];
    const { code, stdout } = await helm(args);
    expect(stdout).toContain('1 chart(s) linted, 0 chart(s) failed');
    expect(stdout).not.toMatch(/\[(WARNING|ERROR)\]/);
    expect(code).toBe(0);
  });

  it.each(KUBERNETES_VERSIONS)('renders what Kubernetes %s knows', async (kubernetes) => {
    const manifests = await render(valuesOf(file), { kubernetes });
    expect(manifests.length).toBeGreaterThan(0);
    const faults = manifests.flatMap((manifest) =>
      VALIDATORS[kubernetes](manifest).map((fault) => `${manifest.kind} ${manifest.metadata.name}${fault}`),
    );
    expect(faults).toEqual([]);
  });

  it('renders pods that the profile "restricted" of Pod Security lets in', async () => {
    const pods = (await render(valuesOf(file))).filter(isPod);
    expect(pods.length).toBeGreaterThan(0);
    const faults = pods.flatMap((manifest) =>
      podSecurityFaults(securityOf(manifest)).map(
        (fault) => `${manifest.kind} ${manifest.metadata.name}: ${fault}`,
      ),
    );
    expect(faults).toEqual([]);
  });

  it('renders pods that can write nowhere and have no token', async () => {
    for (const manifest of (await render(valuesOf(file))).filter(isPod)) {
      const { spec } = podOf(manifest);
      expect(spec).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
      for (const { securityContext } of spec.containers) {
        expect(securityContext).toMatchObject({ readOnlyRootFilesystem: true });
      }
    }
  });
});

describe('the chart', () => {
  it('has a test for each template', () => {
    const templates = readdirSync(join(CHART, 'templates'), { recursive: true, encoding: 'utf8' });
    const expected = templates
      .filter((path) => /\.(yaml|txt)$/.test(path))
      .map((path) =>
        basename(path)
          .replace(/\.\w+$/, '.test.ts')
          .toLowerCase(),
      );
    const tests = readdirSync('test/chart');
    expect(expected.length).toBeGreaterThan(10);
    expect(expected.filter((name) => !tests.includes(name))).toEqual([]);
  });

  it('has the version of the package', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    const chart = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8'));
    expect([chart.version, chart.appVersion]).toEqual([version, version]);
    expect(chart.kubeVersion).toBe(`>=${KUBERNETES_VERSIONS[0]}-0`);
  });
});
