import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GeneralName } from '@peculiar/asn1-x509';
import { afterAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { BeaconError } from '../../../src/base/errors.ts';
import { readProblem } from '../../../src/base/read-file.ts';
import {
  type CredentialsOptions,
  loadCredentials,
  namesAreNeutral,
  readPem,
} from '../../../src/pki/credentials.ts';
import {
  BIT,
  CLIENT_AUTH,
  extend,
  makePki,
  mint,
  SERVER_AUTH,
  writePki,
} from '../../support/certificates.ts';

const directory = mkdtempSync(join(tmpdir(), 'beacon-credentials-'));
const { bridge, bridgeCa, broker, relay } = makePki();
const wallMs = systemClock.wall();

writePki(directory);
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, content?: string | Buffer): string {
  const path = join(directory, name);
  if (content !== undefined) writeFileSync(path, content);
  return path;
}

function load(options: Partial<CredentialsOptions> = {}) {
  return loadCredentials({
    certFile: file('bridge.crt'),
    keyFile: file('bridge.key'),
    caFile: file('bridge-ca.crt'),
    flags: { cert: '--tls-cert', key: '--tls-key', ca: '--tls-ca' },
    wallMs,
    ...options,
  });
}

/** The line that a person reads. */
async function problem(options: Partial<CredentialsOptions>): Promise<string> {
  const error: unknown = await load(options).catch((thrown: unknown) => thrown);
  if (!(error instanceof BeaconError)) expect.unreachable();
  expect(error.code).toBe('config');
  expect(error.message).not.toContain('\n');
  return error.message.replaceAll(`${directory}/`, '');
}

describe('good files', () => {
  test('give the chain to send, with the CA last', async () => {
    const credentials = await load();
    expect(credentials.chain).toEqual([bridge.der, bridgeCa.der]);
    expect(credentials.certificate).toBe(bridge.certificate + bridgeCa.certificate);
    expect(credentials.authority).toEqual(bridgeCa.der);
    expect(credentials.key).toBe(bridge.key);
    expect(credentials.notAfterMs).toBe(bridge.notAfterMs);
  });

  test('may hold the CA already, and intermediates in between', async () => {
    const bundle = file('bundle.crt', bridge.certificate + bridgeCa.certificate);
    expect((await load({ certFile: bundle })).chain).toEqual([bridge.der, bridgeCa.der]);
    const middle = mint({ subject: 'middle', extensions: [extend.ca(true)] });
    const leaf = mint({ issuer: middle });
    const certFile = file('long.crt', leaf.certificate + middle.certificate);
    const keyFile = file('long.key', leaf.key);
    expect((await load({ certFile, keyFile })).chain).toEqual([leaf.der, middle.der, bridgeCa.der]);
  });

  test('of a relay need no CA', async () => {
    const { chain, authority } = await loadCredentials({
      certFile: file('relay.crt'),
      keyFile: file('relay.key'),
      flags: { cert: '--tls-cert', key: '--tls-key' },
      wallMs,
    });
    expect([chain, authority]).toEqual([[relay.der], undefined]);
  });
});

describe('one clear line for', () => {
  test.each([
    ['certFile', '--tls-cert'],
    ['keyFile', '--tls-key'],
    ['caFile', '--tls-ca'],
  ] as const)('%s that is missing, a directory, too large or no PEM', async (option, flag) => {
    expect(await problem({ [option]: file('none') })).toBe(`${flag} none does not exist`);
    expect(await problem({ [option]: file('bridge.crt/none') })).toBe(
      `${flag} bridge.crt/none does not exist`,
    );
    expect(await problem({ [option]: directory })).toBe(
      `${flag} ${directory} is a directory; name the file in it`,
    );
    const huge = file('huge', Buffer.alloc(256 * 1_024 + 1, 'a'));
    expect(await problem({ [option]: huge })).toBe(`${flag} huge is far too large for a PEM file`);
    expect(await problem({ [option]: file('text', 'hello') })).toMatch(/^--tls-\w+ text holds no .* in PEM/);
  });

  test('a file that this user may not read: root may read all, so by the code of the error', () => {
    expect(readProblem('EACCES')).toBe('may not be read by this user; change its owner or mode');
    expect(readProblem('EIO')).toBe('cannot be read (EIO)');
  });

  test('a certificate or a key that is cut off', async () => {
    const damaged = (pem: string): string => pem.replace(/\n[^-\n]+\n(?=-----END)/, '\n');
    expect(await problem({ certFile: file('cut.crt', damaged(bridge.certificate)) })).toContain(
      'cannot be read',
    );
    expect(await problem({ keyFile: file('cut.key', damaged(bridge.key)) })).toContain('cannot be read');
  });

  test('a key under a password', async () => {
    const pem = createPrivateKey(bridge.key).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'secret',
    });
    const keyFile = file('locked.key', pem);
    expect(await problem({ keyFile })).toContain('--tls-key locked.key is protected by a password');
  });

  test('a key of another certificate', async () => {
    expect(await problem({ keyFile: file('broker.key') })).toBe(
      '--tls-key broker.key does not belong to the first certificate of --tls-cert bridge.crt',
    );
  });

  test('a CA file that holds no CA', async () => {
    expect(await problem({ caFile: file('broker.crt', broker.certificate) })).toContain(
      'is not a CA certificate',
    );
  });

  test('certificates that have expired or are not valid yet, the CA too', async () => {
    const expired = await problem({ wallMs: bridge.notAfterMs + 1 });
    expect(expired).toMatch(/^--tls-cert bridge\.crt expired on \d{4}-\d\d-\d\d; 'beacon certs renew'/);
    expect(await problem({ wallMs: bridge.notBeforeMs - 1 })).toContain('bridge.crt is not valid before');
    const old = mint({ extensions: [extend.ca(true)], notAfterMs: wallMs - 1_000 });
    const caFile = file('old-ca.crt', old.certificate);
    expect(await problem({ caFile })).toContain('--tls-ca old-ca.crt expired on');
  });
});

describe('names', () => {
  const leafOf = (subject: string, names = extend.dns('bridge.beacon.internal')) =>
    mint({ subject, extensions: [extend.usages(SERVER_AUTH, CLIENT_AUTH), names] }).der;

  test('are neutral as `beacon certs` makes them', () => {
    expect(namesAreNeutral([bridge.der, bridgeCa.der])).toBe(true);
    expect(namesAreNeutral([broker.der, bridgeCa.der])).toBe(true);
    expect(namesAreNeutral([leafOf('beacon bridge')])).toBe(true);
  });

  test.each([
    ['a subject of its own', leafOf('acme bridge')],
    ['a host name', leafOf('beacon bridge', extend.dns('bridge.beacon.internal', 'vault.acme.example'))],
    ['an address', leafOf('beacon bridge', extend.names(new GeneralName({ iPAddress: '192.0.2.1' })))],
    [
      'a mail address',
      leafOf('beacon bridge', extend.names(new GeneralName({ rfc822Name: 'a@acme.example' }))),
    ],
    ['an issuer that is named', mint({ subject: 'beacon bridge', issuerName: 'acme ca' }).der],
    [
      'an address where its issuer is found',
      mint({
        subject: 'beacon bridge ca',
        extensions: [
          extend.ca(true),
          extend.keyUsage(BIT.keyCertSign),
          extend.raw('2.5.29.31', false, Buffer.of(0x30, 0)),
        ],
      }).der,
    ],
  ])('are not neutral with %s', (_, der) => {
    expect(namesAreNeutral([bridge.der, der])).toBe(false);
  });
});

test('readPem reads up to the limit', async () => {
  const path = file('full', Buffer.alloc(256 * 1_024, 'a'));
  expect(await readPem(path, '--file')).toHaveLength(256 * 1_024);
});
