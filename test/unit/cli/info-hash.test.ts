import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { BeaconError } from '../../../src/base/errors.ts';
import { infoHashCommand } from '../../../src/cli/info-hash.ts';
import { makePki, writePki } from '../../support/certificates.ts';

const directory = writePki(mkdtempSync(join(tmpdir(), 'beacon-info-hash-')));
afterAll(() => rmSync(directory, { recursive: true }));

async function infoHash(file: string): Promise<string[]> {
  const lines: string[] = [];
  await infoHashCommand({ write: (line) => lines.push(line) }).parseAsync([join(directory, file)], {
    from: 'user',
  });
  return lines;
}

async function problem(file: string): Promise<string> {
  const error: unknown = await infoHash(file).catch((thrown: unknown) => thrown);
  if (!(error instanceof BeaconError)) expect.unreachable();
  expect(error.code).toBe('config');
  return error.message;
}

const { bridgeCa, infoHash: expected } = makePki();

test('prints the 64 digits that openssl prints in another form, and nothing else', async () => {
  const openssl = new X509Certificate(bridgeCa.certificate).fingerprint256;
  expect(await infoHash('bridge-ca.crt')).toEqual([openssl.replaceAll(':', '').toLowerCase()]);
});

test('takes DER too', async () => {
  writeFileSync(join(directory, 'bridge-ca.der'), bridgeCa.der);
  expect(await infoHash('bridge-ca.der')).toEqual([expected]);
});

test('refuses a certificate that is no CA, what is no certificate, and no file', async () => {
  expect(await problem('bridge.crt')).toContain('is not a CA; give the bridge CA, bridge-ca.crt');
  expect(await problem('bridge.key')).toContain('bridge.key holds no certificate');
  expect(await problem('none')).toContain('none does not exist');
});
