/** The pair of a listener: what is taken over when its files change. That it is served is shown end to end. */
import { rmSync, writeFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { FileWatch } from '../../../src/base/file-watch.ts';
import { watchServedPair } from '../../../src/pki/served-pair.ts';
import { makePki } from '../../support/certificates.ts';
import { freshPair, writePair } from '../../support/fresh-pairs.ts';
import { makePkiDirectory } from '../../support/processes.ts';
import { recordingLog } from '../../support/recording-log.ts';

it('is read again with its key, and says until when it is good', async () => {
  const files = await makePkiDirectory();
  onTestFinished(() => files.remove());
  const { log, lines } = recordingLog();
  const watch = new FileWatch(systemClock, log);
  const pair = await watchServedPair(
    {
      certFile: files.file('relay.crt'),
      keyFile: files.file('relay.key'),
      flags: { cert: '--tls-cert', key: '--tls-key' },
      clock: systemClock,
    },
    watch,
  );
  const { relay } = makePki();
  expect(pair.value).toEqual({
    certPem: relay.certificate,
    keyPem: relay.key,
    notAfterMs: Math.floor(relay.notAfterMs / 1_000) * 1_000,
  });
  const fresh = freshPair(makePki(), 'relay');
  writePair(files, 'relay', fresh);
  await watch.reload();
  expect([pair.value.certPem, pair.value.keyPem]).toEqual([fresh.certificate, fresh.key]);
  expect(lines[0]).toMatchObject({
    message: 'the certificate of --tls-cert was read again',
    fields: { notAfter: new Date(pair.value.notAfterMs).toISOString() },
  });
  writeFileSync(files.file('relay.crt'), 'nothing');
  await watch.reload();
  rmSync(files.file('relay.crt'));
  await watch.reload();
  expect([pair.value.certPem, watch.status[0]?.failures]).toEqual([fresh.certificate, 2]);
});
