/** What helm prints in the end: what to do next, and what to be careful about. */
import { describe, expect, it } from 'vitest';
import { type Cluster, startCluster } from '../support/chart/api-server.ts';
import { LEAST, type Values } from '../support/chart/helm.ts';

const HOST = 'relay.example.com';
const ADDRESSES = 'instead of the';

async function notes(values: Values, cluster?: Cluster): Promise<string> {
  const { notes: text } = await (cluster ?? (await startCluster())).helm(
    'install',
    values,
    '--dry-run=server',
  );
  return text;
}

describe('what to do next', () => {
  it('is to wait, to point DNS at the relays, and to connect', async () => {
    const text = await notes({ ...LEAST, host: HOST });
    expect(text).toContain('kubectl --namespace relays rollout status statefulset/beacon');
    expect(text).toContain(`must hold the names that clients use: ${HOST}.`);
    expect(text).toContain(`${HOST}: kubectl --namespace relays get service beacon\n`);
    expect(text).toContain(`--beacon-address ${HOST}\n`);
    expect(text).toContain('must pass TCP through (L4) and be exempt from TLS inspection');
  });

  it('is to try them, and says what would not be tried', async () => {
    const allow = { infoHashes: ['ab'.repeat(32)] };
    const line = '     helm test beacon --namespace relays --logs\n';
    const [whole, ...parts] = await Promise.all([
      notes({ ...LEAST, host: HOST }),
      notes(LEAST),
      notes({ ...LEAST, host: HOST, allow }),
      notes({ ...LEAST, host: HOST, allow, tests: { existingSecret: 'doctor-ca' } }),
    ]);
    for (const text of [whole, ...parts]) expect(text).toContain(line);
    const lacks = ['It needs host', 'only shows that they refuse strangers'];
    expect(parts.map((text) => lacks.map((each) => text.includes(each)))).toEqual([
      [true, false],
      [false, true],
      [false, false],
    ]);
    expect(lacks.some((each) => whole.includes(each))).toBe(false);
  });

  it('without a host names none', async () => {
    expect(await notes(LEAST)).toContain('--beacon-address HOST\n');
  });

  it('with an issuer looks at the certificate', async () => {
    const text = await notes({ host: HOST, tls: { issuer: 'dns' } });
    expect(text).toContain('kubectl --namespace relays get certificate beacon-tls');
    expect(text).toContain('DNS-01');
  });

  it('with names for all relays lists them with commas', async () => {
    const text = await notes({ ...LEAST, host: HOST, service: { perReplica: { enabled: true } } });
    const names = [0, 1, 2].map((i) => `beacon-${i}.${HOST}`);
    expect(text).toContain(`--beacon-address ${names.join(',')}\n`);
    expect(text).toContain(`must hold the names that clients use: ${[HOST, ...names].join(', ')}.`);
    for (const [i, name] of names.entries()) {
      expect(text).toContain(`${name}: kubectl --namespace relays get service beacon-${i}\n`);
    }
  });

  it('with the other spelling says that no Ingress was made', async () => {
    const said = 'beacon.ingress.host makes no Ingress';
    expect(await notes({ ...LEAST, beacon: { ingress: { host: HOST } } })).toContain(said);
    expect(await notes(LEAST)).not.toContain(said);
  });
});

describe('caution', () => {
  it.each([
    [1, 'CAUTION: one relay.'],
    [2, 'CAUTION: two relays.'],
    [3, undefined],
  ])('with %i relays', async (replicas, text) => {
    const said = await notes({ ...LEAST, replicas });
    if (text) expect(said).toContain(text);
    else expect(said).not.toMatch(/CAUTION: (one|two) relay/);
  });

  it('where anybody may use them', async () => {
    const said = "CAUTION: these relays serve anybody's CA.";
    expect(await notes(LEAST)).toContain(said);
    expect(await notes({ ...LEAST, allow: { infoHashes: ['ab'.repeat(32)] } })).not.toContain(said);
  });

  it.each([
    [{ externalTrafficPolicy: 'Cluster' }, true],
    [{ type: 'NodePort' }, true],
    [{ type: 'ClusterIP' }, true],
    [{}, false],
    [{ type: 'NodePort', externalTrafficPolicy: 'Local' }, false],
    [{ externalTrafficPolicy: 'Cluster', proxyProtocolFrom: ['10.0.0.0/8'] }, false],
    [{ type: 'ClusterIP', proxyProtocolFrom: ['10.0.0.0/8'] }, false],
  ])('with the Service %j the addresses of clients are lost: %s', async (service, lost) => {
    const text = await notes({ ...LEAST, service });
    expect(text.includes(ADDRESSES)).toBe(lost);
    expect(text.includes('All clients then count as one')).toBe(lost);
  });

  it.each([
    [{ metrics: { podMonitor: { enabled: true } } }, true],
    [{ metrics: { podMonitor: { enabled: true } }, networkPolicy: { enabled: false } }, false],
    [
      { metrics: { podMonitor: { enabled: true } }, networkPolicy: { metricsFrom: [{ podSelector: {} }] } },
      false,
    ],
    [{}, false],
  ])('with %j Prometheus is kept out: %s', async (values, out) => {
    expect((await notes({ ...LEAST, ...values })).includes('keeps Prometheus out')).toBe(out);
  });

  it('where the chart makes the cluster secret, for who renders offline', async () => {
    const command =
      'openssl rand -base64 32 | kubectl --namespace relays create secret generic beacon-cluster --from-file=secret=/dev/stdin';
    const text = await notes(LEAST);
    expect(text).toContain('Argo CD, Flux');
    expect(text).toContain('set cluster.existingSecret=beacon-cluster');
    expect(text).toContain(command);
    expect(await notes({ ...LEAST, cluster: { existingSecret: 'mine' } })).not.toContain('Argo CD');
  });

  it('where Kubernetes does not tell pods their zone', async () => {
    const said = 'does not tell pods their zone';
    expect(await notes(LEAST, await startCluster('1.29.0'))).toContain(said);
    expect(await notes(LEAST, await startCluster('1.37.0'))).not.toContain(said);
  });
});

it('no line is left empty but between paragraphs, and none of the template shows', async () => {
  const text = await notes({ ...LEAST, replicas: 1, service: { type: 'NodePort' } });
  expect(text).not.toMatch(/\n\n\n|\{\{|<no value>|[^\S\n]\n/);
});
