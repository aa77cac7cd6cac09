/** What is taken out of a text, and what is left in it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mask } from '../../../src/base/mask.ts';

const HASH = '3F'.repeat(32);

describe('mask', () => {
  it.each([
    ['connect ECONNREFUSED 192.0.2.77:7946', 'connect ECONNREFUSED [address]', '192.0.2.0/24'],
    ['from 192.0.2.77.', 'from [address].', 'from 192.0.2.0/24.'],
    ['[2001:db8:1:2::3]:443 is gone', '[address] is gone', '2001:db8:1::/48 is gone'],
    ['2001:db8:1:2::3: refused', '[address]: refused', '2001:db8:1::/48: refused'],
    // Node puts a port behind an IPv6 address without brackets.
    ['connect ECONNREFUSED ::1:7946', 'connect ECONNREFUSED [address]', 'ECONNREFUSED ::/48'],
    ['2001:db8:1:2:3:4:5:6:7946', '[address]', '2001:db8:1::/48'],
    ['fe80::1%eth0.100 said so', '[address] said so', 'fe80::/48 said so'],
    ['::ffff:192.0.2.77', '[address]', '192.0.2.0/24'],
    ['the network 10.1.2.0/16', 'the network [address]', '10.1.2.0/24'],
    ['cannot reach relay-1.example.com:443: refused', 'cannot reach [address]: refused', '[address]'],
    ['localhost:8200', '[address]', '[address]'],
    ['https://user:hunter2@store.example:8200/v1 fails', 'https://[address]/v1 fails', '//[address]/v1'],
    ['tcp://127.0.0.1:5432', 'tcp://[address]', 'tcp://[address]'],
    ['getaddrinfo ENOTFOUND relay-1.example.com', 'getaddrinfo ENOTFOUND [address]', '[address]'],
    ['dialling /dns4/relay-1.example.com/tcp/7946', 'dialling [address]', 'dialling [address]'],
    ['dialling /ip4/192.0.2.77/tcp/7946/p2p/x', 'dialling [address]/p2p/x', '192.0.2.0/24/p2p/x'],
    [`parked under ${HASH}`, 'parked under [info_hash]', 'parked under 3F3F3F3F...'],
  ])('takes out of %j', (text, hidden, network) => {
    expect(mask(text, 'hide')).toBe(hidden);
    const left = mask(text, 'network');
    expect(left).toContain(network);
    expect(left).not.toMatch(/192\.0\.2\.77|hunter2|example|:\d{4}\b/);
    for (const mode of ['hide', 'network'] as const)
      expect(mask(mask(text, mode), mode)).toBe(mask(text, mode));
  });

  it.each([
    'the relay is up',
    'relay 2 of 3: its certificate has expired',
    'at 12:34:56.789 on 2026-11-20T12:34:56Z',
    'beacon/0.1.0 on Node 26.10.0',
    'error:0A000126:SSL routines::unexpected eof while reading',
    'SSL routines:ssl3_get_record:http request:../deps/openssl/ssl/record/tlsany_meth.c:80:',
    'the deny file /etc/beacon/denied.txt stays as it was',
    'AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89',
    'the OID 1.3.6.1.5.5.7.3.1',
    'a pair 0123456789abcdef0123456789abcdef',
    'it listens on port 8443: fine',
    'path: a, b',
  ])('leaves %j alone', (text) => {
    expect(mask(text, 'hide')).toBe(text);
    expect(mask(text, 'network')).toBe(text);
  });

  it('finds every address, whatever stands around it', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6());
    const before = fc.constantFrom('', ' ', '(', '"', 'from ', ',', '=');
    const after = fc.constantFrom('', ' ', ')', '"', ' said so', ',', '. ', ': refused');
    fc.assert(
      fc.property(before, address, after, (start, ip, end) => {
        expect(mask(`${start}${ip}${end}`, 'hide')).toBe(`${start}[address]${end}`);
      }),
      { seed: 36, numRuns: 2_000 },
    );
  });

  it('takes time in proportion to the length', () => {
    for (const unit of ['a:', '1.', ':', 'a.', '-', 'f', '1:a.', 'a://', '[']) {
      const started = performance.now();
      mask(unit.repeat(20_000), 'hide');
      expect(performance.now() - started, unit).toBeLessThan(1_000);
    }
  });
});
