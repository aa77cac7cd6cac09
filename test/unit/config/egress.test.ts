/** --proxy and the variables of other programs: which counts, and where the password comes from. */
import { describe, expect, it } from 'vitest';
import { egressOf } from '../../../src/config/egress.ts';
import type { ProxyUrl } from '../../../src/config/proxy-url.ts';
import { resolveSettings } from '../../../src/config/resolve.ts';

type Env = Readonly<Record<string, string>>;

const PROXY: ProxyUrl = { host: 'proxy', port: 3_128 };
const WITH_USER: ProxyUrl = { ...PROXY, user: 'me' };
const egress = (proxy: ProxyUrl | undefined, env: Env = {}, proxyPasswordFile?: string) =>
  egressOf({ proxy, proxyPasswordFile }, env);
const refusal = (text: RegExp) =>
  expect.objectContaining({ code: 'config', message: expect.stringMatching(text) });

describe('without --proxy', () => {
  it('relays are dialled directly where no variable says otherwise', () => {
    expect(egress(undefined, { no_proxy: '*', HTTPS_PROXY: '', HTTP_PROXY: 'http://other' })).toEqual({
      proxy: undefined,
      passwordFile: undefined,
      noProxy: [],
    });
  });

  it('the variables count, the lower-case ones first', () => {
    expect(egress(undefined, { HTTPS_PROXY: 'http://a:1', NO_PROXY: 'x' })).toMatchObject({
      proxy: { host: 'a', port: 1 },
      noProxy: [{ host: 'x' }],
    });
    const both = { HTTPS_PROXY: 'http://a:1', https_proxy: 'http://b:2', NO_PROXY: 'x', no_proxy: 'y' };
    expect(egress(undefined, both)).toMatchObject({ proxy: { host: 'b' }, noProxy: [{ host: 'y' }] });
    expect(egress(undefined, { ...both, https_proxy: '', no_proxy: '' })).toMatchObject({
      proxy: { host: 'a' },
      noProxy: [{ host: 'x' }],
    });
  });

  it('HTTPS_PROXY may hold user and password', () => {
    expect(egress(undefined, { HTTPS_PROXY: 'http://me:pw@a:1' }).proxy).toMatchObject({
      user: 'me',
      password: 'pw',
    });
    expect(() => egress(undefined, { HTTPS_PROXY: 'http://me:pw@a:1' }, 'file')).toThrow(
      refusal(/leave one of them out/),
    );
    expect(() => egress(undefined, { HTTPS_PROXY: 'http://me@a:1' })).toThrow(refusal(/^HTTPS_PROXY names/));
  });

  it('an error names the variable', () => {
    expect(() => egress(undefined, { https_proxy: 'https://a:1' })).toThrow(
      refusal(/^https_proxy: https:\/\/ /),
    );
    const many = Array.from({ length: 2_000 }, (_, at) => `h${at}`).join();
    expect(() => egress(undefined, { HTTPS_PROXY: 'http://a', NO_PROXY: many })).toThrow(
      refusal(/^NO_PROXY: /),
    );
  });

  it('a password file is of no use', () => {
    expect(() => egress(undefined, {}, 'file')).toThrow(refusal(/needs --proxy/));
  });
});

describe('with --proxy', () => {
  it('no variable of other programs counts, be it good or bad', () => {
    const env = { HTTPS_PROXY: 'socks5://bad', NO_PROXY: '*' };
    expect(egress(PROXY, env)).toEqual({ proxy: PROXY, passwordFile: undefined, noProxy: [] });
  });

  it('a user needs a password, by file or by variable', () => {
    expect(egress(WITH_USER, {}, 'file')).toMatchObject({ proxy: WITH_USER, passwordFile: 'file' });
    const env = { BEACON_PROXY_PASSWORD: 'pw' };
    expect(egress(WITH_USER, env).proxy).toEqual({ ...WITH_USER, password: 'pw' });
    expect(egress(WITH_USER, env, 'file')).toMatchObject({ proxy: WITH_USER, passwordFile: 'file' });
    expect(() => egress(WITH_USER)).toThrow(refusal(/--proxy names a user: .*--proxy-password-file/));
    expect(() => egress(PROXY, {}, 'file')).toThrow(refusal(/needs a user/));
  });
});

describe('the settings of bridge and broker', () => {
  const flags = { beaconAddress: 'relay', tlsCert: 'c', tlsKey: 'k', tlsCa: 'ca' };
  const machine = { hostname: 'test', stderrIsTty: false };

  it('carry it, and refuse a password on the command line without repeating it', () => {
    const given = { ...flags, proxy: 'http://proxy:3128' };
    expect(resolveSettings('broker', given, {}, machine).egress.proxy).toEqual(PROXY);
    const env = { BEACON_PROXY: 'http://proxy:3128', BEACON_VAULT_ADDR: 'http://store' };
    expect(resolveSettings('bridge', flags, env, machine).egress.proxy).toEqual(PROXY);
    expect(() => resolveSettings('broker', { ...flags, proxy: 'http://me:pw12@proxy' }, {}, machine)).toThrow(
      expect.objectContaining({ code: 'config', message: expect.not.stringContaining('pw12') }),
    );
  });

  it('are not those of a relay', () => {
    const relay = resolveSettings('relay', { tlsCert: 'c', tlsKey: 'k' }, { HTTPS_PROXY: 'bad://' }, machine);
    expect(relay).not.toHaveProperty('egress');
  });
});
