/** Values that cannot work are refused, all mistakes at once, each with what to do. */
import { describe, expect, it } from 'vitest';
import { startCluster } from '../support/chart/api-server.ts';
import { LEAST, refusalOf, render, type Values } from '../support/chart/helm.ts';

const ISSUER = { tls: { issuer: 'dns' } };

describe('values alone', () => {
  it.each<[Values, string]>([
    [
      {},
      '- no source of the certificate is set: set tls.existingSecret to a Secret of type kubernetes.io/tls, or tls.issuer and host for cert-manager',
    ],
    [
      { host: 'relay.example.com', tls: { existingSecret: 'a', issuer: 'b' } },
      '- two sources of the certificate are set: keep either tls.existingSecret or tls.issuer',
    ],
    [
      { ...LEAST, beacon: { ingress: { host: 'relay.example.com', tls: { issuer: 'b' } } } },
      '- two sources of the certificate are set: keep either tls.existingSecret or beacon.ingress.tls.issuer',
    ],
    [ISSUER, '- tls.issuer needs host, the DNS name to put into the certificate'],
    [
      { beacon: { ingress: { tls: { issuer: 'dns' } } } },
      '- beacon.ingress.tls.issuer needs host, the DNS name to put into the certificate',
    ],
    [
      { ...LEAST, service: { perReplica: { enabled: true } } },
      '- service.perReplica.enabled needs host, as the relays are reached as <pod>.<host>',
    ],
    [
      { ...LEAST, host: 'a.example.com', beacon: { ingress: { host: 'b.example.com' } } },
      '- host is "a.example.com" and beacon.ingress.host is "b.example.com": they mean the same, set one of them',
    ],
    [
      { ...ISSUER, host: 'a.example.com', beacon: { ingress: { tls: { issuer: 'other' } } } },
      '- tls.issuer is "dns" and beacon.ingress.tls.issuer is "other": they mean the same, set one of them',
    ],
    [
      { ...LEAST, allow: { infoHashes: ['ab'.repeat(32)], existingConfigMap: 'mine' } },
      '- two allow files are set: keep either allow.infoHashes or allow.existingConfigMap',
    ],
    [
      { ...LEAST, service: { type: 'ClusterIP', externalTrafficPolicy: 'Local' } },
      '- service.externalTrafficPolicy is for service.type LoadBalancer or NodePort; with ClusterIP leave it empty',
    ],
    [
      { ...ISSUER, service: { perReplica: { enabled: true } } },
      '- tls.issuer needs host, the DNS name to put into the certificate\n' +
        '- service.perReplica.enabled needs host, as the relays are reached as <pod>.<host>',
    ],
    [
      { ...LEAST, resources: { limits: { memory: '1 GiB' } } },
      'the memory limit "1 GiB" is not a quantity that this chart understands; write it like 512Mi or 1Gi',
    ],
  ])('%j', async (values, text) => {
    expect(await refusalOf(values)).toBe(text);
  });

  it('without relays nothing of theirs is missing', async () => {
    expect(await render({ beacon: { enabled: false } })).toEqual([]);
  });
});

describe('names', () => {
  it('have room for what Kubernetes puts behind them', async () => {
    const release = 'r'.repeat(45);
    expect(`${release}-beacon`).toHaveLength(52);
    const manifests = await render(LEAST, { release });
    const long = manifests.map(({ metadata }) => metadata.name).filter((name) => name.length > 63);
    expect(long).toEqual([]);
    expect(await refusalOf(LEAST, { release: `${release}x` })).toBe(
      `the name "${release}x-beacon" has 53 characters, and 52 is the most for a StatefulSet; give a shorter one with fullnameOverride`,
    );
  });

  it('that are given are refused in the same way', async () => {
    const name = `n${'x'.repeat(63)}`;
    expect(await refusalOf({ ...LEAST, fullnameOverride: name })).toBe(
      `the name "${name}" has 64 characters, and 52 is the most for a StatefulSet; give a shorter one with fullnameOverride`,
    );
    expect(await refusalOf({ ...LEAST, nameOverride: name })).toContain(
      "at '/nameOverride': maxLength: got 64, want 63",
    );
  });

  it('are refused where no Service can have them', async () => {
    const refusal = (name: string) =>
      `the name "${name}" cannot be a Service's, which has letters, digits and dashes and begins with a letter; give another one with fullnameOverride`;
    expect(await refusalOf(LEAST, { release: 'a.b' })).toBe(refusal('a.b-beacon'));
    expect(await refusalOf(LEAST, { release: '1' })).toBe(refusal('1-beacon'));
    expect(await render({ ...LEAST, fullnameOverride: 'ab' }, { release: 'a.b' })).not.toEqual([]);
  });

  it('do not repeat the chart in a release that is called so', async () => {
    const names = async (release: string) =>
      (await render(LEAST, { release })).filter(({ kind }) => kind === 'StatefulSet')[0]?.metadata.name;
    expect(await names('beacon')).toBe('beacon');
    expect(await names('my-beacon')).toBe('my-beacon');
    expect(await names('relay')).toBe('relay-beacon');
  });
});

describe('Secrets that are there', () => {
  it.each([
    [{ 'tls.crt': 'x' }, '- the Secret relay-tls, which tls.existingSecret names, has no tls.key'],
    [{ 'tls.key': 'x' }, '- the Secret relay-tls, which tls.existingSecret names, has no tls.crt'],
    [
      {},
      '- the Secret relay-tls, which tls.existingSecret names, has no tls.crt\n' +
        '- the Secret relay-tls, which tls.existingSecret names, has no tls.key',
    ],
  ])('with %j', async (data, text) => {
    const cluster = await startCluster();
    cluster.putSecret('relay-tls', data);
    expect(await cluster.refusalOf(LEAST)).toBe(text);
  });

  it('with the cluster secret under another key', async () => {
    const cluster = await startCluster();
    cluster.putSecret('mine', { other: 'x' });
    expect(await cluster.refusalOf({ ...LEAST, cluster: { existingSecret: 'mine' } })).toBe(
      '- the Secret mine, which cluster.existingSecret names, has no secret',
    );
  });

  it('with all of it', async () => {
    const cluster = await startCluster();
    cluster.putSecret('relay-tls', { 'tls.crt': 'x', 'tls.key': 'x' });
    cluster.putSecret('mine', { secret: 'x' });
    await cluster.helm('install', { ...LEAST, cluster: { existingSecret: 'mine' } });
  });

  it('or not yet: they may come', async () => {
    const cluster = await startCluster();
    await cluster.helm('install', LEAST);
  });
});
