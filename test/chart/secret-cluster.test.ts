/** The cluster secret: made once, found again by each upgrade, and never where the operator has one. */
import { describe, expect, it } from 'vitest';
import { parseClusterSecret } from '../../src/cluster/secret.ts';
import { decodedData, startCluster } from '../support/chart/api-server.ts';
import { find, LEAST, render } from '../support/chart/helm.ts';

const OWN = { ...LEAST, cluster: { existingSecret: 'mine' } };
const MADE = { secret: expect.stringMatching(/^[A-Za-z0-9]{43}$/) };

describe('a cluster secret that the chart makes', () => {
  it('is one that a relay takes, and another one each time', async () => {
    const [one, other] = await Promise.all(
      [1, 2].map(async () => decodedData(find(await render(LEAST), 'Secret', 'beacon-cluster'))),
    );
    expect(one).toEqual(MADE);
    expect(other).not.toEqual(one);
    expect(() => parseClusterSecret(String(one?.['secret']), 'file')).not.toThrow();
  });

  it('is kept by upgrades, dry or not', async () => {
    const cluster = await startCluster();
    await cluster.helm('install', LEAST);
    const made = cluster.secret('beacon-cluster');
    expect(made).toEqual(MADE);

    const { manifests } = await cluster.helm('upgrade', { ...LEAST, replicas: 5 }, '--dry-run=server');
    expect(find(manifests, 'StatefulSet')).toHaveProperty('spec.replicas', 5);
    expect(decodedData(find(manifests, 'Secret'))).toEqual(made);

    await cluster.helm('upgrade', { ...LEAST, replicas: 5 });
    expect(cluster.secret('beacon-cluster')).toEqual(made);
  });

  it('comes with the upgrade of a release that had none, and stays', async () => {
    const cluster = await startCluster();
    cluster.putSecret('mine', { secret: 'x'.repeat(43) });
    await cluster.helm('install', OWN);
    expect(cluster.secret('beacon-cluster')).toBeUndefined();

    await cluster.helm('upgrade', LEAST);
    const made = cluster.secret('beacon-cluster');
    expect(made).toEqual(MADE);

    await cluster.helm('upgrade', LEAST);
    expect(cluster.secret('beacon-cluster')).toEqual(made);
  });

  it('can be named as the own one later, and is still there', async () => {
    const cluster = await startCluster();
    await cluster.helm('install', LEAST);
    const made = cluster.secret('beacon-cluster');
    await cluster.helm('upgrade', { ...LEAST, cluster: { existingSecret: 'beacon-cluster' } });
    expect(cluster.secret('beacon-cluster')).toEqual(made);
  });
});

it('there is none where there is one of the operator, or no relay', async () => {
  for (const values of [OWN, { beacon: { enabled: false } }]) {
    expect((await render(values)).filter(({ kind }) => kind === 'Secret')).toEqual([]);
  }
});
