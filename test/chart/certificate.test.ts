/** The certificate that cert-manager issues. */
import { describe, expect, it } from 'vitest';
import { find, LEAST, render, type Values } from '../support/chart/helm.ts';
import { podOf } from '../support/chart/pods.ts';

const ISSUED = { host: 'relay.example.com', tls: { issuer: 'dns' } };

describe('the Certificate', () => {
  it('is for the host, and lies where the relays look for it', async () => {
    const manifests = await render(ISSUED);
    expect(find(manifests, 'Certificate')).toMatchObject({
      metadata: { name: 'beacon-tls' },
      spec: {
        secretName: 'beacon-tls',
        dnsNames: ['relay.example.com'],
        issuerRef: { group: 'cert-manager.io', kind: 'ClusterIssuer', name: 'dns' },
        usages: ['digital signature', 'server auth'],
      },
    });
    const { volumes } = podOf(find(manifests, 'StatefulSet')).spec;
    expect(volumes).toContainEqual(
      expect.objectContaining({ secret: { secretName: 'beacon-tls', defaultMode: 0o440 } }),
    );
  });

  it('is for each relay as well where those have names', async () => {
    const values = { ...ISSUED, replicas: 2, service: { perReplica: { enabled: true } } };
    expect(find(await render(values), 'Certificate')).toHaveProperty('spec.dnsNames', [
      'relay.example.com',
      'beacon-0.relay.example.com',
      'beacon-1.relay.example.com',
    ]);
  });

  it.each<[string, Values]>([
    ['an Issuer', { ...ISSUED, tls: { issuer: 'dns', issuerKind: 'Issuer' } }],
    ['the other spelling', { beacon: { ingress: { host: 'relay.example.com', tls: { issuer: 'dns' } } } }],
  ])('comes from %s', async (kind, values) => {
    expect(find(await render(values), 'Certificate')).toMatchObject({
      spec: {
        dnsNames: ['relay.example.com'],
        issuerRef: { kind: kind === 'an Issuer' ? 'Issuer' : 'ClusterIssuer', name: 'dns' },
      },
    });
  });

  it('is not there where the operator has a Secret', async () => {
    expect((await render(LEAST)).map(({ kind }) => kind)).not.toContain('Certificate');
  });
});

it('no value makes an Ingress', async () => {
  const values = { beacon: { ingress: { host: 'relay.example.com', tls: { issuer: 'dns' } } } };
  expect((await render(values)).map(({ kind }) => kind)).not.toContain('Ingress');
});
