/** What bridge and broker read at their start: mistakes show there and name the flag. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { FileWatch } from '../../../src/base/file-watch.ts';
import type { Log } from '../../../src/base/log.ts';
import { systemRandom } from '../../../src/base/random.ts';
import { certificatesInPem } from '../../../src/pki/pem.ts';
import { type ClientDeps, type ClientSettings, loadClient } from '../../../src/tunnel/client-credentials.ts';
import type { Role } from '../../../src/wire/frames.ts';
import { BIT, extend, makePki, mint, SERVER_AUTH, writePki } from '../../support/certificates.ts';
import { recordingLog } from '../../support/recording-log.ts';

let directory = '';
const file = (name: string): string => join(directory, name);
const OTHER = makePki({ fresh: true });

beforeAll(() => {
  directory = writePki(mkdtempSync(join(tmpdir(), 'beacon-test-')));
  writePki(file('other'), OTHER);
  writeFileSync(file('empty.crt'), 'nothing\n');
  const [own, other] = [makePki().bridgeCa.certificate, OTHER.bridgeCa.certificate];
  writeFileSync(file('both.crt'), own + other);
  writeFileSync(file('both-turned.crt'), other + own);
  writeFileSync(file('three.crt'), own + other + makePki({ fresh: true }).bridgeCa.certificate);
  writeFileSync(file('no-ca.crt'), own + OTHER.bridge.certificate);
});
afterAll(() => rmSync(directory, { recursive: true }));

function settings(role: 'bridge' | 'broker', changes: Partial<ClientSettings> = {}): ClientSettings {
  return {
    beaconAddress: [{ host: '127.0.0.1', port: 1 }],
    beaconInfoHash: undefined,
    beaconCa: file('relay-ca.crt'),
    beaconPin: undefined,
    tlsCert: file(`${role}.crt`),
    tlsKey: file(`${role}.key`),
    tlsCa: file('bridge-ca.crt'),
    ...changes,
  };
}

function depsOf(log: Log): ClientDeps {
  return { clock: systemClock, random: systemRandom, log, watch: new FileWatch(systemClock, log) };
}

async function load(
  role: Role,
  changes: Partial<ClientSettings> = {},
): Promise<{ error: string | undefined; warnings: string[]; infoHash: string | undefined }> {
  const { log, lines } = recordingLog();
  const deps = depsOf(log);
  const result = await loadClient(settings(role === 'park' ? 'bridge' : 'broker', changes), role, deps).then(
    ({ identity }) => ({ error: undefined, infoHash: identity.infoHash as string }),
    (error: Error & { code: string }) => ({ error: `${error.code}: ${error.message}`, infoHash: undefined }),
  );
  return { ...result, warnings: lines.map(({ message }) => message) };
}

describe('credentials of a client', () => {
  it.each(['park', 'connect'] as const)('are good for the role %s', async (role) => {
    const pki = makePki();
    expect(await load(role)).toEqual({ error: undefined, warnings: [], infoHash: pki.infoHash });
    expect((await load(role, { beaconInfoHash: pki.infoHash, beaconCa: undefined })).error).toBeUndefined();
  });

  it('are refused in the other role, before a relay would', async () => {
    const { error } = await load('connect', { tlsCert: file('bridge.crt'), tlsKey: file('bridge.key') });
    expect(error).toMatch(/^config: --tls-cert .* is no proof for this CA: /);
  });

  it('are refused under another CA', async () => {
    const { error } = await load('park', {
      tlsCert: file('other/bridge.crt'),
      tlsKey: file('other/bridge.key'),
    });
    expect(error).toMatch(/^config: --tls-c/);
  });

  it.each(['both.crt', 'both-turned.crt'])(
    'under either of two CAs go by the hash of their own, and accept both: %s',
    async (name) => {
      const { log } = recordingLog();
      const deps = depsOf(log);
      for (const [directory, pki] of [
        ['', makePki()],
        ['other/', OTHER],
      ] as const) {
        const pair = { tlsCert: file(`${directory}bridge.crt`), tlsKey: file(`${directory}bridge.key`) };
        const { identity } = await loadClient(
          settings('bridge', { ...pair, tlsCa: file(name) }),
          'park',
          deps,
        );
        expect(identity.infoHash).toBe(pki.infoHash);
        expect(identity.accepts.toSorted()).toEqual([makePki().infoHash, OTHER.infoHash].toSorted());
        // The proof ends in its own CA, and does not name the other one.
        expect(certificatesInPem(identity.certPem).at(-1)?.equals(pki.bridgeCa.der)).toBe(true);
        expect(certificatesInPem(identity.certPem)).toHaveLength(2);
        expect(certificatesInPem(identity.caPem)).toHaveLength(2);
      }
    },
  );

  it('take the info_hash of either of two CAs, and no other', async () => {
    for (const infoHash of [makePki().infoHash, OTHER.infoHash]) {
      const { error } = await load('park', { tlsCa: file('both.crt'), beaconInfoHash: infoHash });
      expect(error).toBeUndefined();
    }
    const beaconInfoHash = makePki({ fresh: true }).infoHash;
    expect((await load('park', { tlsCa: file('both.crt'), beaconInfoHash })).error).toMatch(
      /--beacon-info-hash is not that of/,
    );
  });

  it.each([
    ['three.crt', /^config: --tls-ca .* holds 3 certificates/],
    ['no-ca.crt', /^config: --tls-ca .* is not a CA certificate/],
  ])('are refused with %s for a CA', async (name, text) => {
    expect((await load('park', { tlsCa: file(name) })).error).toMatch(text);
  });

  it('are refused where the relay would be under the other of two CAs', async () => {
    const beaconCa = file('other/bridge-ca.crt');
    expect((await load('park', { tlsCa: file('both.crt'), beaconCa })).error).toMatch(/is the bridge CA/);
  });

  it('are refused with another info_hash', async () => {
    const { error } = await load('park', { beaconInfoHash: OTHER.infoHash });
    expect(error).toMatch(
      /^config: --beacon-info-hash is not that of --tls-ca .*: compare 'beacon info-hash/,
    );
  });

  it.each([
    ['tlsCert', '--tls-cert'],
    ['tlsKey', '--tls-key'],
    ['tlsCa', '--tls-ca'],
    ['beaconCa', '--beacon-ca'],
  ] as const)('name the flag of a missing file: %s', async (setting, flag) => {
    expect((await load('park', { [setting]: file('missing') })).error).toMatch(
      new RegExp(`^config: .*${flag}`),
    );
  });

  it.each([
    ['tlsCa', '--tls-ca'],
    ['beaconCa', '--beacon-ca'],
  ] as const)('name the flag of a file without a certificate: %s', async (setting, flag) => {
    expect((await load('park', { [setting]: file('empty.crt') })).error).toMatch(
      new RegExp(`^config: .*${flag}`),
    );
  });

  it('are refused where the relay would be under the bridge CA', async () => {
    expect((await load('park', { beaconCa: file('bridge-ca.crt') })).error).toMatch(/is the bridge CA/);
  });

  it('with names that tell too much are warned of, once', async () => {
    const ca = mint({
      subject: 'ACME payments vault CA',
      extensions: [extend.ca(true), extend.keyUsage(BIT.keyCertSign)],
    });
    const leaf = mint({
      subject: 'vault-prod-7',
      issuer: ca,
      extensions: [extend.ca(false), extend.usages(SERVER_AUTH), extend.dns('bridge.beacon.internal')],
    });
    writeFileSync(file('named-ca.crt'), ca.certificate);
    writeFileSync(file('named.crt'), leaf.certificate);
    writeFileSync(file('named.key'), leaf.key, { mode: 0o600 });
    const { error, warnings } = await load('park', {
      tlsCert: file('named.crt'),
      tlsKey: file('named.key'),
      tlsCa: file('named-ca.crt'),
    });
    expect(error).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('use neutral ones')]);
    expect(warnings.join()).not.toContain('ACME');
  });
});
