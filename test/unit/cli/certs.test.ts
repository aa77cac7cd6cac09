import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommanderError } from 'commander';
import { afterAll, describe, expect, test } from 'vitest';
import type { Clock } from '../../../src/base/clock.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { BeaconError } from '../../../src/base/errors.ts';
import { certsCommand } from '../../../src/cli/certs.ts';
import { chainsTo } from '../../../src/pki/chains-to.ts';
import { loadCredentials, namesAreNeutral } from '../../../src/pki/credentials.ts';
import { infoHashOfCertificate } from '../../../src/pki/info-hash.ts';
import { judgeChain } from '../../../src/pki/proof.ts';

const DAY_MS = 86_400_000;
const wallMs = systemClock.wall();
const base = mkdtempSync(join(tmpdir(), 'beacon-certs-'));
afterAll(() => rmSync(base, { recursive: true }));

let directories = 0;

/** The path of a directory that does not exist yet. */
function newDirectory(): string {
  directories += 1;
  return join(base, `set ${directories}`);
}

/** Runs `beacon certs ARGUMENTS` and returns the lines that it printed. */
async function certs(words: readonly string[], daysLater = 0): Promise<string[]> {
  const lines: string[] = [];
  const clock: Clock = { ...systemClock, wall: () => wallMs + daysLater * DAY_MS };
  const command = certsCommand({ write: (line) => lines.push(line), clock });
  for (const sub of [command, ...command.commands])
    sub.exitOverride().configureOutput({ writeErr: () => {} });
  await command.parseAsync([...words], { from: 'user' });
  return lines;
}

/** The line that a person reads when a command is refused. */
async function problem(words: readonly string[], daysLater = 0): Promise<string> {
  const error: unknown = await certs(words, daysLater).catch((thrown: unknown) => thrown);
  if (error instanceof CommanderError) return error.message;
  if (!(error instanceof BeaconError)) expect.unreachable();
  expect(error.code).toBe('config');
  return error.message;
}

function certificateIn(directory: string, name: string): X509Certificate {
  return new X509Certificate(readFileSync(join(directory, `${name}.crt`)));
}

function day(daysLater: number): string {
  return new Date(wallMs + daysLater * DAY_MS).toISOString().slice(0, 10);
}

function modes(directory: string): Record<string, string> {
  const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
  return Object.fromEntries(readdirSync(directory).map((name) => [name, mode(join(directory, name))]));
}

function load(directory: string, name: string) {
  const file = (rest: string): string => join(directory, rest);
  return loadCredentials({
    certFile: file(`${name}.crt`),
    keyFile: file(`${name}.key`),
    caFile: file('bridge-ca.crt'),
    flags: { cert: '--tls-cert', key: '--tls-key', ca: '--tls-ca' },
    wallMs,
  });
}

describe('certs init', async () => {
  const out = newDirectory();
  const lines = await certs(['init', '--out', out]);

  test('writes a CA and two pairs, keys for this user only', () => {
    expect(modes(out)).toEqual({
      'bridge-ca.crt': '644',
      'bridge-ca.key': '600',
      'bridge.crt': '644',
      'bridge.key': '600',
      'broker.crt': '644',
      'broker.key': '600',
    });
    expect(statSync(out).mode & 0o777).toBe(0o700);
  });

  test('says what it wrote, until when, the info_hash, and what to type next', () => {
    const infoHash = infoHashOfCertificate(readFileSync(join(out, 'bridge-ca.crt')));
    const file = (name: string): string => join(out, name);
    expect(lines).toEqual([
      `wrote ${file('bridge-ca.crt')} and ${file('bridge-ca.key')}, valid until ${day(3_650)}`,
      `wrote ${file('bridge.crt')} and ${file('bridge.key')}, valid until ${day(365)}`,
      `wrote ${file('broker.crt')} and ${file('broker.key')}, valid until ${day(365)}`,
      `info_hash ${infoHash}`,
      `Keep ${file('bridge-ca.key')} away from both machines: whoever has it can be the bridge.`,
      `next: beacon certs relay --host relay.example.org --out '${out}'`,
    ]);
  });

  test('makes pairs that load, prove their roles and have neutral names', async () => {
    for (const [name, role] of [
      ['bridge', 'park'],
      ['broker', 'connect'],
    ] as const) {
      const { chain, authority } = await load(out, name);
      const infoHash = infoHashOfCertificate(authority ?? '');
      expect(judgeChain(chain, { infoHash, role, wallMs }).ok).toBe(true);
      expect(namesAreNeutral(chain)).toBe(true);
    }
  });

  test('overwrites nothing and leaves nothing new behind when it is refused', async () => {
    const partly = newDirectory();
    await certs(['init', '--out', partly]);
    const before = readFileSync(join(partly, 'broker.crt'));
    for (const name of ['bridge-ca.crt', 'bridge-ca.key', 'bridge.crt', 'bridge.key', 'broker.key']) {
      rmSync(join(partly, name));
    }
    expect(await problem(['init', '--out', partly])).toBe(
      `${join(partly, 'broker.crt')} exists already and is not overwritten; name another directory with --out, or move it away`,
    );
    expect(readdirSync(partly)).toEqual(['broker.crt']);
    expect(readFileSync(join(partly, 'broker.crt'))).toEqual(before);
  });

  test('says where it cannot write', async () => {
    const file = join(base, 'a file');
    writeFileSync(file, '');
    expect(await problem(['init', '--out', join(file, 'below')])).toContain(
      `cannot write ${join(file, 'below')}`,
    );
  });

  test('needs --out', async () => {
    expect(await problem(['init'])).toContain("required option '--out <dir>'");
  });
});

describe('certs issue', async () => {
  const ca = newDirectory();
  await certs(['init', '--out', ca]);

  test('adds a pair under the CA, by a name of its own that is in no certificate', async () => {
    const lines = await certs(['issue', 'broker', '--ca', ca, '--name', 'cluster-7', '--days', '30']);
    expect(lines[0]).toBe(
      `wrote ${join(ca, 'cluster-7.crt')} and ${join(ca, 'cluster-7.key')}, valid until ${day(30)}`,
    );
    expect(lines.at(-1)).toBe(
      `next: beacon broker --beacon-address relay.example.org --tls-cert '${join(ca, 'cluster-7.crt')}' --tls-key '${join(ca, 'cluster-7.key')}' --tls-ca '${join(ca, 'bridge-ca.crt')}'`,
    );
    const { chain } = await load(ca, 'cluster-7');
    const infoHash = infoHashOfCertificate(chain.at(-1) ?? '');
    expect(judgeChain(chain, { infoHash, role: 'connect', wallMs }).ok).toBe(true);
    expect(chain[0]?.includes('cluster-7')).toBe(false);
    expect(lines).toContain(`info_hash ${infoHash}`);
  });

  test('writes elsewhere with --out', async () => {
    const out = newDirectory();
    const lines = await certs(['issue', 'bridge', '--ca', ca, '--out', out]);
    expect(modes(out)).toEqual({ 'bridge.crt': '644', 'bridge.key': '600' });
    expect(lines.at(-1)).toContain(
      'next: beacon bridge --vault-addr https://127.0.0.1:8200 --beacon-address',
    );
  });

  test('overwrites nothing', async () => {
    expect(await problem(['issue', 'broker', '--ca', ca])).toContain('broker.key exists already');
  });

  test('refuses what cannot be', async () => {
    const role = await problem(['issue', 'relay', '--ca', ca]);
    expect(role).toContain("'relay' is invalid for argument 'role'");
    expect(await problem(['issue', 'bridge'])).toContain("required option '--ca <dir>'");
    const none = newDirectory();
    expect(await problem(['issue', 'bridge', '--ca', none])).toBe(
      `--ca ${join(none, 'bridge-ca.crt')} does not exist`,
    );
    for (const name of ['../up', '.hidden', 'a/b', '', 'bridge-ca', 'x'.repeat(64)]) {
      expect(await problem(['issue', 'bridge', '--ca', ca, '--name', name])).toContain(
        'is no name for a pair',
      );
    }
    for (const days of ['0', '-1', '3651', '1.5', 'year']) {
      expect(await problem(['issue', 'bridge', '--ca', ca, '--days', days])).toContain('from 1 to 3650');
    }
    const expired = await problem(['issue', 'bridge', '--ca', ca, '--name', 'late'], 3_651);
    expect(expired).toContain('the CA has expired');
  });

  test('refuses a CA whose key is not its own', async () => {
    const mixed = newDirectory();
    await certs(['init', '--out', mixed]);
    writeFileSync(join(mixed, 'bridge-ca.key'), readFileSync(join(ca, 'bridge-ca.key')));
    const line = await problem(['issue', 'bridge', '--ca', mixed, '--name', 'more']);
    expect(line).toContain(`--ca ${join(mixed, 'bridge-ca.crt')}: the key of this CA does not belong`);
  });
});

describe('certs relay', async () => {
  const out = newDirectory();
  await certs(['init', '--out', out]);
  const lines = await certs(['relay', '--host', 'relay.example.org', '--host', '192.0.2.7', '--out', out]);

  test('makes a CA of its own and a certificate for every host', () => {
    const relay = certificateIn(out, 'relay');
    expect(relay.checkHost('relay.example.org')).toBeDefined();
    expect(relay.checkIP('192.0.2.7')).toBeDefined();
    expect(relay.verify(certificateIn(out, 'relay-ca').publicKey)).toBe(true);
    expect(
      chainsTo([relay.raw, certificateIn(out, 'relay-ca').raw], certificateIn(out, 'bridge-ca').raw),
    ).toBe(false);
    expect(modes(out)).toMatchObject({ 'relay-ca.key': '600', 'relay.key': '600', 'relay.crt': '644' });
  });

  test('says what it wrote and what to type next', () => {
    const file = (name: string): string => join(out, name);
    expect(lines).toEqual([
      `wrote ${file('relay-ca.crt')} and ${file('relay-ca.key')}, valid until ${day(3_650)}`,
      `wrote ${file('relay.crt')} and ${file('relay.key')}, valid until ${day(365)}`,
      `Bridge and broker trust this relay with --beacon-ca '${file('relay-ca.crt')}'`,
      `next: beacon relay --addr :443 --tls-cert '${file('relay.crt')}' --tls-key '${file('relay.key')}'`,
    ]);
  });

  test('adds one more under the same CA', async () => {
    await certs(['relay', '--host', '::1', '--ca', out, '--out', out, '--name', 'relay-b']);
    const second = certificateIn(out, 'relay-b');
    expect(second.verify(certificateIn(out, 'relay-ca').publicKey)).toBe(true);
    expect(second.checkIP('::1')).toBeDefined();
  });

  test('refuses a second CA in one place, no host, and a host with a port', async () => {
    expect(await problem(['relay', '--host', 'a.example', '--out', out])).toContain(
      'relay-ca.key exists already',
    );
    expect(await problem(['relay', '--out', out])).toContain("required option '--host <name>'");
    expect(await problem(['relay', '--host', 'a.example:443', '--out', out])).toContain(
      "'a.example:443' is neither",
    );
  });
});

describe('certs renew', async () => {
  const made = async (): Promise<string> => {
    const directory = newDirectory();
    await certs(['init', '--out', directory]);
    await certs(['relay', '--host', 'relay.example.org', '--host', '::1', '--out', directory]);
    return directory;
  };
  const NAMES = ['bridge', 'broker', 'relay'] as const;

  test('with --replace puts new pairs in place, for the same roles, hosts and CA', async () => {
    const dir = await made();
    const before = NAMES.map((name) => certificateIn(dir, name));
    const files = modes(dir);
    const lines = await certs(['renew', '--dir', dir, '--replace'], 300);
    expect(modes(dir)).toEqual(files);
    for (const [index, name] of NAMES.entries()) {
      const [old, renewed] = [before[index], certificateIn(dir, name)];
      if (!old) expect.unreachable();
      expect(renewed.subjectAltName).toBe(old.subjectAltName);
      expect(renewed.keyUsage).toEqual(old.keyUsage);
      expect(renewed.checkIssued(certificateIn(dir, name === 'relay' ? 'relay-ca' : 'bridge-ca'))).toBe(true);
      expect(renewed.publicKey.equals(old.publicKey)).toBe(false);
      expect(renewed.validToDate.toISOString().slice(0, 10)).toBe(day(665));
    }
    expect(lines[0]).toBe(
      `wrote ${join(dir, 'bridge.crt')} and ${join(dir, 'bridge.key')}, valid until ${day(665)}`,
    );
    expect(lines[3]).toBe(
      `The certificate that '${join(dir, 'bridge.crt')}' follows is valid until ${day(365)}.`,
    );
  });

  test('leaves pairs that load', async () => {
    const dir = await made();
    await certs(['renew', 'broker', '--dir', dir, '--replace', '--days', '7']);
    const { chain, notAfterMs } = await load(dir, 'broker');
    const infoHash = infoHashOfCertificate(chain.at(-1) ?? '');
    expect(judgeChain(chain, { infoHash, role: 'connect', wallMs }).ok).toBe(true);
    expect(new Date(notAfterMs).toISOString().slice(0, 10)).toBe(day(7));
    expect((await load(dir, 'bridge')).notAfterMs).toBeGreaterThan(notAfterMs);
  });

  test('with --out writes beside and leaves the old ones alone', async () => {
    const dir = await made();
    const out = newDirectory();
    const old = NAMES.map((name) => certificateIn(dir, name).fingerprint256);
    await certs(['renew', 'bridge', 'relay', '--dir', dir, '--out', out]);
    expect(Object.keys(modes(out))).toEqual(['bridge.crt', 'bridge.key', 'relay.crt', 'relay.key']);
    expect(NAMES.map((name) => certificateIn(dir, name).fingerprint256)).toEqual(old);
    expect(await problem(['renew', 'bridge', '--dir', dir, '--out', out])).toContain('exists already');
  });

  test('works on what has expired, with a CA kept elsewhere', async () => {
    const dir = await made();
    const ca = newDirectory();
    await certs(['init', '--out', ca]);
    const out = newDirectory();
    await certs(['issue', 'broker', '--ca', ca, '--out', out, '--name', 'far']);
    await certs(['renew', 'far', '--dir', out, '--ca', ca, '--replace'], 400);
    expect(certificateIn(out, 'far').validToDate.toISOString().slice(0, 10)).toBe(day(765));
    const wrong = await problem(['renew', 'far', '--dir', out, '--ca', dir, '--replace']);
    expect(wrong).toContain(`was not issued by the bridge-ca of ${dir}`);
  });

  test('does nothing unless asked how, and nothing where there is nothing', async () => {
    const dir = await made();
    const needs = 'certs renew needs --out DIR for the new files, or --replace';
    expect(await problem(['renew', '--dir', dir])).toContain(needs);
    expect(await problem(['renew', '--dir', dir, '--replace', '--out', dir])).toContain(needs);
    expect(await problem(['renew', '--dir', base, '--replace'])).toContain('holds none of bridge.crt');
    expect(await problem(['renew', 'bridge-ca', '--dir', dir, '--replace'])).toContain(
      'is no name for a pair',
    );
    expect(await problem(['renew', 'other', '--dir', dir, '--replace'])).toContain(
      'other.crt does not exist',
    );
  });
});
