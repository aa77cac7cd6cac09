/** How a broker names its client, and what a bridge takes for a name. */
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BeaconError } from '../../../src/base/errors.ts';
import { parseIp } from '../../../src/base/ip.ts';
import type { TcpEnds } from '../../../src/net/tcp-ends.ts';
import { clientHeader, parseClientHeader } from '../../../src/tunnel/client-header.ts';
import { TARGET, tunnelPair } from '../../support/tunnels.ts';

describe('the client of a stream', () => {
  it('is written as four fields', () => {
    const source = { host: '192.0.2.7', port: 51_000 };
    const text = clientHeader({ source, destination: { host: '10.0.0.1', port: 8_199 } });
    expect(text).toBe('192.0.2.7 10.0.0.1 51000 8199');
  });

  it('is read as it was written', () => {
    const port = fc.integer({ min: 1, max: 65_535 });
    const pair = fc.oneof(fc.tuple(fc.ipV4(), fc.ipV4()), fc.tuple(fc.ipV6(), fc.ipV6()));
    fc.assert(
      fc.property(pair, port, port, ([from, to], sourcePort, destinationPort) => {
        const [source, destination] = [parseIp(from), parseIp(to)];
        fc.pre(source?.kind() === destination?.kind());
        const ends = {
          source: { host: `${source}`, port: sourcePort },
          destination: { host: `${destination}`, port: destinationPort },
        };
        expect(parseClientHeader(clientHeader(ends))).toEqual(ends);
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  it.each([
    undefined,
    ['192.0.2.7 10.0.0.1 1 2'],
    '',
    '192.0.2.7',
    '192.0.2.7 10.0.0.1 1',
    '192.0.2.7 10.0.0.1 1 2 3',
    '192.0.2.7  10.0.0.1 1 2',
    ' 192.0.2.7 10.0.0.1 1 2',
    '192.0.2.7 10.0.0.1 1 2 ',
    // Two headers, as node:http2 joins them.
    '192.0.2.7 10.0.0.1 1 2, 192.0.2.8 10.0.0.1 1 2',
    '192.0.2.7 ::1 1 2',
    '192.0.2.07 10.0.0.1 1 2',
    '192.0.2 10.0.0.1 1 2',
    '192.0.2.256 10.0.0.1 1 2',
    'fe80::1%eth0 fe80::2 1 2',
    'localhost localhost 1 2',
    '192.0.2.7 10.0.0.1 0 2',
    '192.0.2.7 10.0.0.1 1 65536',
    '192.0.2.7 10.0.0.1 01 2',
    '192.0.2.7 10.0.0.1 -1 2',
    '192.0.2.7 10.0.0.1 1e3 2',
    '192.0.2.7\r\n 10.0.0.1 1 2',
  ])('is none in %j', (text) => {
    expect(parseClientHeader(text)).toBeUndefined();
  });

  it('is never made of anything else than two addresses and two ports', () => {
    const field = fc.oneof(fc.ipV4(), fc.ipV6(), fc.integer().map(String), fc.string());
    fc.assert(
      fc.property(fc.array(field, { maxLength: 6 }), (fields) => {
        const ends = parseClientHeader(fields.join(' '));
        if (!ends) return;
        for (const { host, port } of [ends.source, ends.destination]) {
          expect(parseIp(host)?.toString()).toBe(host);
          expect(port > 0 && port < 65_536).toBe(true);
        }
      }),
      { seed: 8, numRuns: 2_000 },
    );
  });
});

describe('through a tunnel', () => {
  async function askedFor(clients: readonly (TcpEnds | undefined)[]): Promise<(TcpEnds | undefined)[]> {
    const asked: (TcpEnds | undefined)[] = [];
    const tunnel = await tunnelPair({
      reach: (_target, client) => {
        asked.push(client);
        return Promise.reject(new BeaconError('malformed', 'no more than a look'));
      },
    });
    onTestFinished(() => tunnel.close());
    for (const client of clients) {
      // The bridge's word for it reaches the broker as well.
      await expect(tunnel.broker.connect(TARGET, client).accepted).rejects.toMatchObject({
        code: 'malformed',
      });
    }
    return asked;
  }

  it('the bridge learns of each stream whose it is, or that nobody says so', async () => {
    const source = { host: '2001:db8::7', port: 51_000 };
    const client = { source, destination: { host: '2001:db8::1', port: 8_199 } };
    expect(await askedFor([client, undefined])).toEqual([client, undefined]);
  });
});
