/** What strangers may have of a real relay, with the limits of production: on both sides of each. */
import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PARKS_PER_INFO_HASH, RATE_CONNECTIONS, RATE_TOLD } from '../../src/base/limits.ts';
import { makePki } from '../support/certificates.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../support/processes.ts';
import { proxyV1, proxyV2 } from '../support/proxy-header.ts';
import { nextSource } from '../support/sources.ts';
import { clientHello, tcp, untilClosed } from '../support/strangers.ts';
import {
  cutClients,
  type DialOptions,
  dialAs,
  hello,
  identityOf,
  WireClient,
} from '../support/wire-client.ts';

let files: PkiDirectory;
/** Lists the CA that all its clients prove, and trusts 127.77.0.0/16 to name clients. */
let listed: BeaconProcess;
/** Lists nobody. */
let open: BeaconProcess;

beforeAll(async () => {
  files = await makePkiDirectory();
  writeFileSync(files.file('allowed'), `${files.pki.infoHash}\n`);
  const flags = ['--allow-file', files.file('allowed'), '--proxy-protocol-from', '127.77.0.0/16'];
  [listed, open] = await Promise.all([
    startBeacon(files.relayArgs(...flags)),
    startBeacon(files.relayArgs()),
  ]);
});
afterEach(() => cutClients());
afterAll(async () => {
  await Promise.all([listed?.kill(), open?.kill()]);
  await files?.remove();
});

/** So many connections that do TLS and say nothing. */
async function many(count: number, port: number, options: DialOptions): Promise<WireClient[]> {
  const clients: WireClient[] = [];
  for (let made = 0; made < count; made += 1) clients.push(await WireClient.dial(port, options));
  return clients;
}

describe('the 101st connection of a source within 60 s', () => {
  it('is told so with the time to wait, the 201st is closed before TLS, and others are served', async () => {
    const localAddress = nextSource();
    const first = await many(RATE_CONNECTIONS, open.port, { localAddress });
    expect(first.filter(({ unread }) => unread.frames > 0)).toEqual([]);
    for (const over of await many(RATE_TOLD, open.port, { localAddress })) {
      const { code, retryAfterMs } = await over.expect('refused');
      expect(code).toBe('rateLimit');
      expect(retryAfterMs).toBeGreaterThan(0);
      expect(retryAfterMs).toBeLessThanOrEqual(60_000);
    }
    await expect(WireClient.dial(open.port, { localAddress })).rejects.toThrow();
    const elsewhere = await dialAs('park', open.port);
    expect(elsewhere.unread.frames).toBe(0);
  });

  it('is served where the CA of all is listed and proved', async () => {
    const localAddress = nextSource();
    for (let count = 0; count < RATE_CONNECTIONS + 10; count += 1) {
      const bridge = await WireClient.dial(listed.port, { localAddress, identity: identityOf('park') });
      bridge.send(hello('park'));
      await bridge.expect('parked');
    }
  });

  it('is the one of an IPv6 /64, whichever address of it, in either version of the PROXY header', async () => {
    const from = { localAddress: '127.77.0.1' };
    const address = (number: number): string => `2001:db8:0:7::${number.toString(16)}`;
    for (let number = 1; number <= RATE_CONNECTIONS; number += 1) {
      const write = number % 2 === 0 ? proxyV1 : proxyV2;
      const client = await WireClient.dial(listed.port, {
        ...from,
        preamble: write({ source: address(number) }),
      });
      expect(client.unread.frames).toBe(0);
    }
    const over = await WireClient.dial(listed.port, {
      ...from,
      preamble: proxyV2({ source: address(0xffff) }),
    });
    expect(await over.expect('refused')).toMatchObject({ code: 'rateLimit' });
    const beside = await WireClient.dial(listed.port, {
      ...from,
      preamble: proxyV2({ source: '2001:db8:0:8::1' }),
    });
    beside.send(hello('connect'));
    expect(await beside.expect('refused')).toMatchObject({ code: 'proofRequired' });
  });
});

describe('a PROXY header', () => {
  it('is asked of those who are trusted with it', async () => {
    await expect(WireClient.dial(listed.port, { localAddress: '127.77.0.2' })).rejects.toThrow();
  });

  it('is refused from everybody else', async () => {
    const preamble = proxyV2({ source: '203.0.113.7' });
    await expect(WireClient.dial(listed.port, { preamble })).rejects.toThrow();
    await expect(WireClient.dial(open.port, { preamble })).rejects.toThrow();
  });
});

describe('without an allow file', () => {
  it('the 65th park of an info_hash is refused, and another info_hash is not', async () => {
    const pki = makePki({ fresh: true });
    for (let count = 0; count < PARKS_PER_INFO_HASH; count += 1) await dialAs('park', open.port, { pki });
    const over = await WireClient.dial(open.port, { identity: identityOf('park', pki) });
    over.send(hello('park', {}, pki));
    expect(await over.expect('refused')).toMatchObject({ code: 'tooMany' });
    await dialAs('park', open.port, { pki: makePki({ fresh: true }) });
  });
});

/** Lines that do not need `debug` to be seen. */
const told = ({ lines }: BeaconProcess): number => lines.filter(({ level }) => level !== 'debug').length;

it('a scanner leaves no line at info, whatever it does', async () => {
  const before = [open, listed].map(told);
  const start = await clientHello();
  for (const { port } of [open, listed]) {
    const silent = await tcp(port);
    const http = await tcp(port);
    http.write('GET / HTTP/1.1\r\n\r\n');
    const stalls = await tcp(port);
    stalls.write(start);
    const garbage = await tcp(port);
    garbage.write(Buffer.alloc(4_000, 0xff));
    await Promise.all([untilClosed(http), untilClosed(garbage)]);
    for (const socket of [silent, stalls]) socket.destroy();
    await expect(WireClient.dial(port, { tls: { ALPNProtocols: ['h2'] } })).rejects.toThrow();
    const proofless = await WireClient.dial(port);
    proofless.send(hello('park'));
    await proofless.expect('refused');
  }
  expect([open, listed].map(told)).toEqual(before);
});
