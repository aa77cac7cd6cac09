/** The deny file: whom it denies, and that a change takes effect. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { FileWatch } from '../../../src/base/file-watch.ts';
import { DENY_FILE_BYTES } from '../../../src/base/limits.ts';
import { silentLog } from '../../../src/base/log.ts';
import { isDenied, watchDenyFile } from '../../../src/bridge/deny-file.ts';
import { fingerprintsOf } from '../../../src/pki/fingerprints.ts';
import { makePki } from '../../support/certificates.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const { broker, bridge, bridgeCa } = makePki();
const BROKER = [broker.der, bridgeCa.der];
const BRIDGE = [bridge.der, bridgeCa.der];
const FINGERPRINT = createHash('sha256').update(broker.der).digest('hex');

async function openWith(text: string) {
  const directory = mkdtempSync(join(tmpdir(), 'beacon-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'denied');
  writeFileSync(file, text);
  const watch = new FileWatch(new ManualClock(), silentLog);
  const denied = await watchDenyFile(file, watch);
  return { file, watch, denies: (chain: readonly Buffer[]) => isDenied(chain, denied.value) };
}

it('denies whom it names, and nobody else', async () => {
  const { denies } = await openWith(`# stolen\n${FINGERPRINT} # laptop\n`);
  expect([denies(BROKER), denies(BRIDGE)]).toEqual([true, false]);
});

it('takes a fingerprint as openssl prints it', async () => {
  const { denies } = await openWith((FINGERPRINT.toUpperCase().match(/../g) ?? []).join(':'));
  expect(denies(BROKER)).toBe(true);
});

it('denies a certificate by the fingerprint of its twin as well', async () => {
  const [, twin = ''] = fingerprintsOf(BROKER);
  expect((await openWith(twin)).denies(BROKER)).toBe(true);
});

it('denies nobody while it is empty', async () => {
  expect((await openWith('')).denies(BROKER)).toBe(false);
});

it('takes a change over, and keeps the list while the new one is broken', async () => {
  const { file, watch, denies } = await openWith('');
  writeFileSync(file, FINGERPRINT);
  await watch.reload();
  expect(denies(BROKER)).toBe(true);
  writeFileSync(file, 'oops\n');
  await watch.reload();
  expect(denies(BROKER)).toBe(true);
});

it.each([
  ['a word', 'oops', /^--deny-cert-file: .*line 1: not a fingerprint/],
  ['too much', '#'.repeat(DENY_FILE_BYTES + 1), /^--deny-cert-file: .* is larger than/],
])('does not open with %s', async (_name, text, message) => {
  await expect(openWith(text)).rejects.toMatchObject({
    code: 'config',
    message: expect.stringMatching(message),
  });
});
