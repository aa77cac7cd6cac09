/** Certificates that are values. */
import { expect, it } from 'vitest';
import { BRIDGE, BROKER, CLIENTS, PEM } from '../support/chart/clients.ts';
import { find, render } from '../support/chart/helm.ts';

it('is not there where all comes from Secrets', async () => {
  expect((await render(CLIENTS)).map(({ kind }) => kind)).not.toContain('ConfigMap');
});

it('has what is given, as it is given, for each of the two', async () => {
  const bridge = { ...BRIDGE, identity: { existingSecret: 'key', certificate: PEM, ca: PEM }, vaultCa: PEM };
  const broker = { ...BROKER, beacon: { address: 'a', ca: PEM } };
  const manifests = await render({ ...CLIENTS, bridge, broker });
  const data = (name: string) => {
    const found = find(manifests, 'ConfigMap', name)['data'] as unknown as Record<string, string>;
    for (const pem of Object.values(found)) expect(pem.trim()).toBe(PEM.trim());
    return Object.keys(found).toSorted();
  };
  expect(data('beacon-bridge')).toEqual(['ca.crt', 'tls.crt', 'vault-ca.crt']);
  expect(data('beacon-broker')).toEqual(['relay-ca.crt']);
});
