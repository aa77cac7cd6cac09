import { describe, expect, it } from 'vitest';
import { line, type Request } from '../../../src/admin/exchange.ts';
import { guarded } from '../../../src/admin/guard.ts';

const LOCAL: Request = {
  method: 'POST',
  path: '/admin/drain',
  host: '127.0.0.1:8081',
  origin: undefined,
  fetchSite: undefined,
  peer: '127.0.0.1',
};

async function status(change: Partial<Request>): Promise<number> {
  return (await guarded(() => line(200, 'in'))({ ...LOCAL, ...change })).status;
}

describe('lets in', () => {
  it.each<[string, Partial<Request>]>([
    ['a tool of this machine', {}],
    ['localhost', { host: 'localhost' }],
    ['LOCALHOST with a port', { host: 'LOCALHOST:8081' }],
    ['IPv6 loopback', { host: '[::1]:8081', peer: '::1' }],
    ['another address of loopback', { host: '127.0.0.53:1' }],
    ['a page of its own', { origin: 'http://127.0.0.1:8081', fetchSite: 'same-origin' }],
    ['an address that was typed in', { fetchSite: 'none' }],
  ])('%s', async (_name, change) => expect(await status(change)).toBe(200));
});

describe('keeps out', () => {
  it.each<[string, Partial<Request>]>([
    ['a name that leads here (DNS rebinding)', { host: 'evil.example' }],
    ['a name with the right port', { host: 'evil.example:8081' }],
    ['a name that begins as an address of loopback', { host: '127.0.0.1.evil.example' }],
    ['a name that ends as localhost', { host: 'evil.localhost.example' }],
    ['an address of this machine', { host: '192.0.2.1:8081' }],
    ['every address', { host: '0.0.0.0' }],
    ['no Host', { host: undefined }],
    ['an empty Host', { host: '' }],
    ['a Host that is none', { host: 'a b' }],
    ['packets from elsewhere', { peer: '192.0.2.7' }],
    ['a peer that is gone', { peer: '' }],
    ['a form of another site', { origin: 'http://evil.example' }],
    ['a page without an origin', { origin: 'null' }],
    ['a page on another port', { origin: 'http://127.0.0.1:3000' }],
    ['a page over TLS', { origin: 'https://127.0.0.1:8081' }],
    ['a request of another site', { fetchSite: 'cross-site' }],
    ['a request of a site beside it', { fetchSite: 'same-site' }],
  ])('%s', async (_name, change) => expect(await status(change)).toBe(403));
});
