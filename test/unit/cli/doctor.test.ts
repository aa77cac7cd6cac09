/** The command line of `beacon doctor`; what it finds is for test/unit/doctor and test/e2e/doctor.test.ts. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { systemRandom } from '../../../src/base/random.ts';
import { run } from '../../../src/cli/program.ts';
import { infoHashOfCertificate } from '../../../src/pki/info-hash.ts';
import { createAuthority } from '../../../src/pki/issue.ts';
import { makePki, writePki } from '../../support/certificates.ts';
import { testHost } from '../../support/cli-host.ts';
import { checkLeaks } from '../../support/leaks.ts';
import { freePorts } from '../../support/ports.ts';
import { startRelay } from '../../support/relay.ts';

checkLeaks();

let directory = '';
const file = (name: string): string => join(directory, name);
beforeAll(() => {
  directory = writePki(mkdtempSync(join(tmpdir(), 'beacon-test-')));
  writeFileSync(file('empty.crt'), '');
});
afterAll(() => rmSync(directory, { recursive: true }));

async function doctor(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const host = testHost(env);
  return { code: await run(['doctor', ...argv], env, host), ...host.printed() };
}

describe('beacon doctor', () => {
  it('ends with 0 where all works, by flags or by the variables of a broker, and writes no file', async () => {
    const { port } = await startRelay();
    const before = readdirSync(directory);
    const byFlags = await doctor([
      '--beacon-address',
      `127.0.0.1:${port}`,
      '--beacon-ca',
      file('relay-ca.crt'),
    ]);
    expect(byFlags).toMatchObject({ code: 0, error: '' });
    expect(byFlags.out).toMatch(/^ok .* bytes .*\n\n1 of 1 relays work alone\.\n\nnote: /m);
    const env = { BEACON_ADDRESS: `127.0.0.1:${port}`, BEACON_CA: file('relay-ca.crt') };
    const byVariables = await doctor(['--json'], env);
    expect(byVariables).toMatchObject({ code: 0, error: '' });
    expect(JSON.parse(byVariables.out)).toMatchObject({ ok: true, alone: [{}], pairs: [], findings: [{}] });
    expect(readdirSync(directory)).toEqual(before);
  });

  it('ends with 1 where something does not work', async () => {
    const [port] = await freePorts(1);
    const found = await doctor(['--beacon-address', `127.0.0.1:${port}`]);
    expect(found).toMatchObject({ code: 1, error: 'beacon: one thing does not work\n' });
    expect(found.out).toMatch(/^FAILED .* TCP .*connection refused/);
    const json = await doctor(['--json', '--beacon-address', `127.0.0.1:${port}`]);
    expect([json.code, JSON.parse(json.out).ok]).toEqual([1, false]);
  });

  it('is a client of the CA that it is given', async () => {
    const { bridgeCa } = makePki();
    const policy = { allowed: new Set([infoHashOfCertificate(bridgeCa.der)]) };
    const { port } = await startRelay({}, policy);
    const line = ['--beacon-address', `127.0.0.1:${port}`, '--beacon-ca', file('relay-ca.crt')];
    const ca = ['--ca-cert', file('bridge-ca.crt'), '--ca-key', file('bridge-ca.key')];
    expect(await doctor([...line, ...ca])).toMatchObject({ code: 0, error: '' });
    expect(await doctor(line)).toMatchObject({ code: 1, out: expect.stringContaining('(notAllowed)') });
    expect(await doctor([...line, '--expect-refused'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('NO PAIR WAS TRIED'),
    });
  });

  it('verifies another name where it is told to', async () => {
    const { port } = await startRelay();
    const line = [
      '--beacon-address',
      `127.0.0.1:${port}`,
      '--beacon-ca',
      file('relay-ca.crt'),
      '--server-name',
    ];
    expect(await doctor([...line, 'localhost'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('of --beacon-ca, for localhost;'),
    });
  });

  it('ends with 2 where the CA that it is given has expired', async () => {
    const day = 24 * 60 * 60 * 1_000;
    const nowMs = systemClock.wall() - 10 * day;
    const old = createAuthority({ role: 'bridgeAuthority', nowMs, random: systemRandom, days: 5 });
    writeFileSync(file('old.crt'), old.certificate);
    writeFileSync(file('old.key'), old.key);
    const found = await doctor([
      '--beacon-address',
      'a',
      '--ca-cert',
      file('old.crt'),
      '--ca-key',
      file('old.key'),
    ]);
    expect(found).toMatchObject({
      code: 2,
      error: expect.stringMatching(/^beacon: --ca-cert: the CA has expired/),
    });
  });

  it.each([
    [[], 'doctor needs --beacon-address (or BEACON_ADDRESS)'],
    [['--beacon-address', 'a', 'b'], 'too many arguments'],
    [['--beacon-address', 'a', '--beacon-ca', 'no.crt'], '--beacon-ca no.crt'],
    [['--beacon-address', 'a', '--ca-cert', 'x'], '--ca-cert and --ca-key belong together'],
    [['--beacon-address', 'a', '--ca-key', 'x'], '--ca-cert and --ca-key belong together'],
    [['--beacon-address', 'a', '--ca-cert', 'no.crt', '--ca-key', 'no.key'], '--ca-cert no.crt'],
    [['--beacon-address', 'a', '--ca-cert', 'x', '--ca-key', 'y', '--expect-refused'], 'leave --ca-cert out'],
    [['--beacon-address', 'a', '--server-name', 'a:1'], "--server-name: 'a:1' is neither"],
  ])('ends with 2 for %j', async (argv, error) => {
    expect(await doctor(argv)).toMatchObject({ code: 2, out: '', error: expect.stringContaining(error) });
  });
});
