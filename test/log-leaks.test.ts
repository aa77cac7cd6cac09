/** That the look at log lines, under which all e2e tests run, finds what it is to find, and nothing else. */
import { describe, expect, it } from 'vitest';
import { leaksIn, noteLeaks, takeLeaks } from './support/log-leaks.ts';

const HASH = 'ab'.repeat(32);
const line = (fields: Record<string, unknown>): string =>
  JSON.stringify({ level: 'info', time: '2026-11-20T12:34:56.789Z', msg: 'x', ...fields });

describe('a planted line', () => {
  it('a line of a trace that names a place in Node itself is none', () => {
    expect(leaksIn('    at process.emit (node:events:514:20)')).toEqual([]);
    expect(leaksIn('    at node:net:2499:12')).toEqual([]);
    expect(leaksIn('    at connect (relay-1.example.com:8443)')).toEqual(['relay-1.example.com:8443']);
  });

  it.each([
    [{ msg: 'from 192.0.2.7' }, '192.0.2.7'],
    [{ detail: 'connect ECONNREFUSED 127.0.0.1:4321' }, '127.0.0.1'],
    [{ msg: 'from 192.0.2.0/24' }, '192.0.2.0/24'],
    [{ level: 'debug', msg: 'from 192.0.2.7/24' }, '192.0.2.7/24'],
    [{ level: 'debug', msg: 'from 192.0.2.0' }, '192.0.2.0'],
    [{ msg: 'from [2001:db8::7]:443' }, '2001:db8::7'],
    [{ msg: 'from ::1.' }, '::1.'],
    [{ level: 'debug', msg: 'from 2001:db8:1:2::/64' }, '2001:db8:1:2::/64'],
    [{ msg: 'cannot reach localhost:443' }, 'localhost:443'],
    [{ msg: 'getaddrinfo ENOTFOUND localhost' }, 'localhost'],
    [{ level: 'debug', msg: 'cannot reach relay-1.example.com:8443' }, 'relay-1.example.com:8443'],
    [{ msg: 'https://store.example/v1 fails' }, 'https://store.example'],
    [{ msg: HASH }, HASH],
    [{ level: 'debug', msg: HASH.toUpperCase() }, HASH.toUpperCase()],
    [{ record: 'splice', outcome: '192.0.2.7' }, '192.0.2.7'],
    [{ colour: 'red' }, 'colour, a field that docs/logs.md does not have,'],
    [{ record: 'stream', peer: { broker: '192.0.2.7' } }, '192.0.2.7'],
  ])('%j is found', (fields, leak) => {
    expect(leaksIn(line(fields))).toContain(leak);
    noteLeaks(['{}', line(fields)]);
    expect(takeLeaks().join()).toContain(JSON.stringify(leak));
    expect(takeLeaks()).toEqual([]);
  });

  it('is found in what is no JSON', () => {
    expect(leaksIn('(node:1) Warning: 192.0.2.7 is slow')).toEqual(['192.0.2.7']);
  });
});

it.each([
  line({ msg: 'the relay is up', port: 8_443, node: 'relay-1' }),
  line({ msg: 'relay 2 of 3: connection refused; version 1.2.3', path: 'a, b' }),
  line({ level: 'debug', msg: 'from 192.0.2.0/24 and 2001:db8:1::/48, under abababab...' }),
  line({ msg: 'error:0A000126:SSL routines::unexpected eof while reading' }),
  line({ msg: 'unsupported protocol:../openssl/ssl/statem/statem_srvr.c:1780: at file:///a/b.ts:12:3' }),
  line({ msg: 'https://[address]/v1 fails' }),
  line({
    record: 'splice',
    start: '2026-11-20T12:34:56.789Z',
    peer: { broker: '192.0.2.7' },
    info_hash: HASH,
  }),
  line({ record: 'stream', broker: HASH, target: 'vault' }),
  'beacon: --addr: cannot listen on 127.0.0.1:443: the port is in use',
])('%s says nothing', (text) => {
  expect(leaksIn(text)).toEqual([]);
});
