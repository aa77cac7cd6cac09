/** The pods are scraped, under the names by which alerts and dashboard go. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { find, LEAST, render } from '../support/chart/helm.ts';
import { containerOf, podOf } from '../support/chart/pods.ts';

const podMonitor = { enabled: true };

it('is not there unless it is wanted', async () => {
  expect((await render(LEAST)).map(({ kind }) => kind)).not.toContain('PodMonitor');
});

it('chooses the pods of the release by their labels and their port', async () => {
  const manifests = await render({ ...LEAST, metrics: { podMonitor } });
  const { selector, podMetricsEndpoints } = find(manifests, 'PodMonitor')['spec'] as unknown as {
    selector: { matchLabels: object };
    podMetricsEndpoints: readonly { port: string; path: string }[];
  };
  const relays = find(manifests, 'StatefulSet');
  expect(podOf(relays).metadata?.labels).toMatchObject(selector.matchLabels);
  expect(containerOf(relays, 'relay').ports).toContainEqual({
    name: podMetricsEndpoints[0]?.port,
    containerPort: 8080,
  });
  expect(podMetricsEndpoints).toMatchObject([{ path: '/metrics' }]);
  expect(podMetricsEndpoints[0]).not.toHaveProperty('interval');
});

it('names a job for each kind of daemon, and the pod as the instance', async () => {
  const monitor = find(await render({ ...LEAST, metrics: { podMonitor } }), 'PodMonitor');
  expect(monitor).toMatchObject({
    spec: {
      podMetricsEndpoints: [
        {
          relabelings: [
            {
              sourceLabels: ['instance', 'component'].map(
                (label) => `__meta_kubernetes_pod_label_app_kubernetes_io_${label}`,
              ),
              separator: '-',
              targetLabel: 'job',
            },
            { sourceLabels: ['__meta_kubernetes_pod_name'], targetLabel: 'instance' },
          ],
        },
      ],
    },
  });
});

it('has the labels and the interval that are given', async () => {
  const values = parse(readFileSync('chart/ci/everything-values.yaml', 'utf8'));
  expect(find(await render(values), 'PodMonitor')).toMatchObject({
    metadata: { labels: { release: 'prometheus', 'app.kubernetes.io/name': 'beacon' } },
    spec: { podMetricsEndpoints: [{ interval: '30s' }] },
  });
});
