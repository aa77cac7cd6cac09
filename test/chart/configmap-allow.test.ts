/** The allow file. */
import { expect, it } from 'vitest';
import { parseAllowFile } from '../../src/relay/allow-file.ts';
import { find, LEAST, render } from '../support/chart/helm.ts';

const HASHES = ['ab', 'cd'].map((byte) => byte.repeat(32));

it('is one that a relay reads', async () => {
  const { data } = find(await render({ ...LEAST, allow: { infoHashes: HASHES } }), 'ConfigMap');
  const { allowed } = data as { readonly allowed: string };
  expect([...parseAllowFile(allowed, 'allowed')].map(String)).toEqual(HASHES);
});

it.each([{}, { existingConfigMap: 'mine' }])('is not made with %j', async (allow) => {
  expect((await render({ ...LEAST, allow })).map(({ kind }) => kind)).not.toContain('ConfigMap');
});
