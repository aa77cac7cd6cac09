import { expect, it } from 'vitest';
import { listenError } from '../../../src/net/listen.ts';

it.each([
  ['EADDRINUSE', '127.0.0.1', 80, /^cannot listen on 127\.0\.0\.1:80: the port is in use/],
  ['EADDRINUSE', '', 443, /^cannot listen on port 443: /],
  ['EADDRNOTAVAIL', '::2', 80, /^cannot listen on \[::2\]:80: this machine does not have that address/],
  ['EACCES', '', 80, /below 1024/],
  ['EACCES', '', 8_080, /choose another port/],
  ['ENOTFOUND', 'nowhere', 1, /the name has no address/],
  ['EOTHER', '', 1, /EOTHER/],
])('tells %s at %s:%i', (code, host, port, message) => {
  const error = listenError({ code }, { host, port });
  expect(error.code).toBe('config');
  expect(error.message).toMatch(message);
});

it('names the setting where there is one', () => {
  expect(listenError({}, { host: '', port: 1 }, '--health-addr').message).toMatch(/^--health-addr: cannot/);
});
