import { describe, expect, it } from 'vitest';
import { VERSION } from '../../../src/base/version.ts';
import { run, type Starts } from '../../../src/cli/program.ts';
import type { Environment } from '../../../src/config/resolve.ts';
import { COMMANDS } from '../../../src/config/settings.ts';
import { type TestHost, testHost } from '../../support/cli-host.ts';

const NO_START: Starts = {
  relay: () => expect.unreachable(),
  bridge: () => expect.unreachable(),
  broker: () => expect.unreachable(),
};

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

async function beacon(
  line: string,
  env: Environment = {},
  starts = NO_START,
  host?: TestHost,
): Promise<Ended> {
  const used = host ?? testHost(env);
  const code = await run(line.split(' ').filter(Boolean), env, used, starts);
  return { code, ...used.printed() };
}

const PAIR = '--tls-cert c --tls-key k';

describe('run', () => {
  it('prints the version', async () => {
    expect(await beacon('--version')).toEqual({ code: 0, out: `${VERSION}\n`, error: '' });
  });

  it('prints help on stdout where it was asked for, and on stderr where it was not', async () => {
    const asked = await beacon('--help');
    expect(asked).toMatchObject({ code: 0, error: '' });
    const missing = await beacon('');
    expect(missing).toMatchObject({ code: 2, out: '', error: asked.out });
    for (const name of [...COMMANDS, 'health', 'status', 'drain', 'doctor', 'certs', 'info-hash']) {
      expect(asked.out).toMatch(new RegExp(`^  ${name} .*\\S`, 'm'));
      expect(await beacon(`${name} --help`)).toMatchObject({ code: 0, error: '' });
    }
  });

  it.each([
    ['relya', "beacon: unknown command 'relya'; did you mean relay? See 'beacon --help'.\n"],
    ['relay --adr x', "beacon: unknown option '--adr'; did you mean --addr? See 'beacon relay --help'.\n"],
    [
      'bridge --vault-add x',
      "beacon: unknown option '--vault-add'; did you mean --vault-addr? See 'beacon bridge --help'.\n",
    ],
    [
      'broker --tls-ce x',
      "beacon: unknown option '--tls-ce'; did you mean --tls-ca? See 'beacon broker --help'.\n",
    ],
    ['relay --tls-cert', "beacon: option '--tls-cert <file>' argument missing. See 'beacon relay --help'.\n"],
    [
      `relay ${PAIR} more`,
      "beacon: too many arguments for 'relay'. Expected 0 arguments but got 1: more. See 'beacon relay --help'.\n",
    ],
    ['certs intt', "beacon: unknown command 'intt'; did you mean init? See 'beacon certs --help'.\n"],
    [
      'relay',
      "beacon: relay needs --tls-cert (or BEACON_TLS_CERT), --tls-key (or BEACON_TLS_KEY); see 'beacon relay --help'\n",
    ],
    [
      `relay ${PAIR} --addr x:y`,
      'beacon: --addr: "x:y" is not an address: the port must be a whole number from 0 to 65535; expected host:port\n',
    ],
  ])('ends `beacon %s` with 2 and one line', async (line, error) => {
    expect(await beacon(line)).toEqual({ code: 2, out: '', error });
  });

  it('takes settings from the environment', async () => {
    const seen: string[] = [];
    const starts: Starts = {
      ...NO_START,
      relay: (settings) => {
        seen.push(settings.tlsCert, settings.zone);
        return Promise.resolve({ reload: () => Promise.resolve(), stop: () => Promise.resolve() });
      },
    };
    const host = testHost({ BEACON_TLS_CERT: 'c', BEACON_TLS_KEY: 'k', BEACON_ZONE: 'z' });
    const ended = beacon('relay', host.env, starts, host);
    host.signal();
    expect(await ended).toEqual({ code: 0, out: '', error: '' });
    expect(seen).toEqual(['c', 'z']);
  });

  it('shows a stack trace at --log-level debug only, wherever that is said', async () => {
    const failing: Starts = { ...NO_START, relay: () => Promise.reject(new TypeError('boom')) };
    const plain = await beacon(`relay ${PAIR}`, {}, failing);
    expect(plain.code).toBe(1);
    expect(plain.error).toMatch(/^beacon: boom \(.*\)\n$/);
    for (const [flags, env] of [
      ['--log-level debug', {}],
      ['--log-level=debug', {}],
      ['', { BEACON_LOG_LEVEL: 'debug' }],
    ] as const) {
      const { error } = await beacon(`relay ${PAIR} ${flags}`, env, failing);
      expect(error).toContain('    at ');
    }
  });
});
