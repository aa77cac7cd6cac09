/** From settings to the proxy of a dial: the password file, and who is dialled directly. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROXY_PASSWORD_BYTES } from '../../../src/base/limits.ts';
import { parseNoProxy } from '../../../src/base/no-proxy.ts';
import type { Egress } from '../../../src/config/egress.ts';
import { loadEgress } from '../../../src/tunnel/egress.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'beacon-test-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const PROXY = { host: 'proxy', port: 3_128 };
const RELAY = { host: 'relay', port: 443 };
const load = (egress: Partial<Egress>) =>
  loadEgress({ proxy: undefined, passwordFile: undefined, noProxy: [], ...egress });

function file(text: string): string {
  const path = join(directory, 'password');
  writeFileSync(path, text);
  return path;
}

const withFile = async (text: string) =>
  (await load({ proxy: { ...PROXY, user: 'me' }, passwordFile: file(text) }))(RELAY)?.credentials?.password;

it('is no proxy where none is set, nor for what NO_PROXY names', async () => {
  expect((await load({}))(RELAY)).toBeUndefined();
  const proxyFor = await load({ proxy: PROXY, noProxy: parseNoProxy('relay:443') });
  expect(proxyFor(RELAY)).toBeUndefined();
  expect(proxyFor({ ...RELAY, port: 8_443 })).toEqual(PROXY);
});

it('takes the password from a variable as it is', async () => {
  const proxyFor = await load({ proxy: { ...PROXY, user: 'me', password: ' p w ' } });
  expect(proxyFor(RELAY)).toEqual({ ...PROXY, credentials: { user: 'me', password: ' p w ' } });
});

describe('a password file', () => {
  it.each([
    ['hunter2\n', 'hunter2'],
    ['hunter2', 'hunter2'],
    [' zürich \r\n', ' zürich '],
    ['x'.repeat(PROXY_PASSWORD_BYTES), 'x'.repeat(PROXY_PASSWORD_BYTES)],
  ])('with %j is read', async (text, password) => {
    expect(await withFile(text)).toBe(password);
  });

  it.each([
    ['', /is empty/],
    ['\n', /is empty/],
    ['hunter2\nhunter2\n', /more than one line/],
    ['hunter2\u0007', /control character/],
    ['x'.repeat(PROXY_PASSWORD_BYTES + 1), /more than 1024 bytes/],
  ])('with %j is refused and not shown', async (text, expected) => {
    await expect(withFile(text)).rejects.toMatchObject({
      code: 'config',
      message: expect.stringMatching(expected),
    });
    await expect(withFile(text)).rejects.toMatchObject({ message: expect.not.stringContaining('hunter2') });
  });

  it('that is missing is named with its flag', async () => {
    const loading = load({ proxy: { ...PROXY, user: 'me' }, passwordFile: join(directory, 'none') });
    await expect(loading).rejects.toThrow(/^--proxy-password-file .*none does not exist/);
  });
});
