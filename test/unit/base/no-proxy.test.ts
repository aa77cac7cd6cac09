/** NO_PROXY, rule by rule, on both sides of each. */
import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../../src/base/address.ts';
import { NO_PROXY_RULES } from '../../../src/base/limits.ts';
import { parseNoProxy, skipsProxy } from '../../../src/base/no-proxy.ts';

const skips = (rules: string, address: string): boolean =>
  skipsProxy(parseNoProxy(rules), parseAddress(address, { defaultPort: 443 }));

describe.each([
  ['*', ['relay.example', '10.0.0.1', '[::1]'], []],
  ['*:8443', ['relay.example:8443'], ['relay.example:443']],
  ['example.org', ['example.org', 'a.example.org', 'EXAMPLE.org.'], ['example.com', 'badexample.org', 'org']],
  ['.example.org', ['example.org', 'a.b.example.org'], ['badexample.org']],
  ['*.example.org', ['example.org', 'a.example.org'], ['badexample.org']],
  ['Example.ORG.', ['a.example.org'], []],
  ['example.org:8443', ['example.org:8443', 'a.example.org:8443'], ['example.org:443']],
  ['10.1.2.3', ['10.1.2.3', '[::ffff:10.1.2.3]'], ['10.1.2.4', 'a.10.1.2.3.example']],
  ['10.1.2.3:8443', ['10.1.2.3:8443'], ['10.1.2.3']],
  ['10.0.0.0/8', ['10.255.0.1'], ['11.0.0.1', '[fd00::1]', 'ten.example']],
  ['10.9.9.9/8', ['10.1.1.1'], ['11.0.0.1']],
  ['0.0.0.0/0', ['1.2.3.4'], ['[fd00::1]', 'relay.example']],
  ['10.1.2.0/23', ['10.1.3.255'], ['10.1.4.0']],
  ['::1', ['[::1]', '[0:0:0:0:0:0:0:1]'], ['[::2]', '127.0.0.1']],
  ['[::1]:8443', ['[::1]:8443'], ['[::1]']],
  ['fd00::/8', ['[fd12::1]'], ['[fe80::1]', '10.0.0.1']],
  ['a.example, b.example\tc.example', ['a.example', 'b.example', 'c.example'], ['d.example']],
  ['', [], ['a.example']],
  ['.,:,[],/8,a/b,10.0.0.0/8/9,:443,[a', [], ['a.example', '10.0.0.1', '[::1]']],
  ['localhost', ['localhost'], ['127.0.0.1', '[::1]']],
] as const)('NO_PROXY=%s', (rules, direct, proxied) => {
  it('skips the proxy for these, and for these not', () => {
    expect(direct.filter((address) => !skips(rules, address))).toEqual([]);
    expect(proxied.filter((address) => skips(rules, address))).toEqual([]);
  });
});

it(`has at most ${NO_PROXY_RULES} rules`, () => {
  const rules = (count: number): string => Array.from({ length: count }, (_, at) => `h${at}`).join(',');
  expect(parseNoProxy(rules(NO_PROXY_RULES))).toHaveLength(NO_PROXY_RULES);
  expect(() => parseNoProxy(rules(NO_PROXY_RULES + 1))).toThrow(expect.objectContaining({ code: 'config' }));
});
