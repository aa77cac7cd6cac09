/** The deny file: whom it denies, and that a change takes effect. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { DENY_FILE_BYTES, FILE_POLL_MS } from '../../../src/base/limits.ts';
import { silentLog } from '../../../src/base/log.ts';
import { DenyFile } from '../../../src/bridge/deny-file.ts';
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
  const clock = new ManualClock();
  let changes = 0;
  const denied = await DenyFile.open(file, clock, silentLog, () => {
    changes += 1;
  });
  onTestFinished(() => denied.close());
  return { file, denied, clock, changes: () => changes };
}

it('denies whom it names, and nobody else', async () => {
  const { denied } = await openWith(`# stolen\n${FINGERPRINT} # laptop\n`);
  expect([denied.denies(BROKER), denied.denies(BRIDGE)]).toEqual([true, false]);
});

it('takes a fingerprint as openssl prints it', async () => {
  const { denied } = await openWith((FINGERPRINT.toUpperCase().match(/../g) ?? []).join(':'));
  expect(denied.denies(BROKER)).toBe(true);
});

it('denies a certificate by the fingerprint of its twin as well', async () => {
  const [, twin = ''] = fingerprintsOf(BROKER);
  expect((await openWith(twin)).denied.denies(BROKER)).toBe(true);
});

it('denies nobody while it is empty', async () => {
  expect((await openWith('')).denied.denies(BROKER)).toBe(false);
});

it('takes a change over within one look, tells of it, and looks no more once it is closed', async () => {
  const { file, denied, clock, changes } = await openWith('');
  writeFileSync(file, FINGERPRINT);
  clock.advance(FILE_POLL_MS);
  await expect.poll(changes, { interval: 1 }).toBe(1);
  expect(denied.denies(BROKER)).toBe(true);
  denied.close();
  expect(clock.pending).toBe(0);
});

it('keeps the old list while the new one is broken', async () => {
  const { file, denied, changes } = await openWith(FINGERPRINT);
  writeFileSync(file, 'oops\n');
  await denied.reload();
  expect([denied.denies(BROKER), changes()]).toEqual([true, 0]);
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
