/** CONNECT to a proxy: the head of its answer in any pieces, what it says to people, and not one byte lost. */
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import type { BeaconError } from '../../../src/base/errors.ts';
import { PROXY_HEAD_BYTES } from '../../../src/base/limits.ts';
import { dialTcp, dialTls } from '../../../src/net/dial.ts';
import { ConnectHead, connectRequest, type EgressProxy } from '../../../src/net/http-connect.ts';
import type { Link } from '../../../src/net/link.ts';
import { ConnectProxy, type ConnectProxyOptions } from '../../support/connect-proxy.ts';
import { openDoor } from '../../support/door.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { HOST, relayTrust, TEST_ALPN } from '../../support/net-links.ts';
import { watch } from '../../support/streams.ts';
import { serve } from '../../support/tcp-server.ts';

checkLeaks();

const OK = 'HTTP/1.1 200 Connection established\r\n\r\n';
const TARGET = { host: 'relay.example', port: 443 };

const push = (text: string) => new ConnectHead().push(Buffer.from(text, 'latin1'));
const malformed = (text: RegExp) =>
  expect.objectContaining({ code: 'malformed', message: expect.stringMatching(text) });

describe('the head of an answer', () => {
  it.each([
    ['HTTP/1.1 200 OK\r\n\r\nrest', 200],
    ['HTTP/1.0 200 Connection established\r\nVia: a\r\nContent-Length: 9\r\n\r\nrest', 200],
    ['HTTP/1.1 204\n\nrest', 204],
    ['HTTP/1.1 407 \r\nA: b\n\r\nrest', 407],
    ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nrest', 200],
    ['HTTP/1.1 599 \xe9\r\n\r\nrest', 599],
  ])('%j', (text, status) => {
    const answer = push(text);
    expect(answer?.status).toBe(status);
    expect(answer?.rest.toString()).toBe('rest');
  });

  it('is the same in whatever pieces it comes', () => {
    const text = `HTTP/1.1 100 Continue\r\n\r\n${OK}\r\n\r\nHTTP/1.1 500 not a head\r\n\r\n`;
    const check = fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 60 }), (sizes) => {
      const head = new ConnectHead();
      const bytes = Buffer.from(text);
      let at = 0;
      let answer: ReturnType<ConnectHead['push']>;
      for (const size of [...sizes, bytes.length]) {
        answer = head.push(bytes.subarray(at, at + size));
        at += size;
        if (answer) break;
      }
      expect(answer?.status).toBe(200);
      expect(answer?.rest.toString() + bytes.subarray(at).toString()).toBe(
        '\r\n\r\nHTTP/1.1 500 not a head\r\n\r\n',
      );
    });
    fc.assert(check, { seed: 5, numRuns: 300 });
  });

  it('says whether Basic is offered, among others', () => {
    const head = (field: string) => push(`HTTP/1.1 407 x\r\n${field}\r\n\r\n`)?.offersBasic;
    expect(head('proxy-AUTHENTICATE: basic realm="a"')).toBe(true);
    expect(head('Proxy-Authenticate: NTLM\r\nProxy-Authenticate: Basic')).toBe(true);
    expect(head('Proxy-Authenticate: Negotiate, Basic realm="a"')).toBe(true);
    expect(head('Proxy-Authenticate: Negotiate')).toBe(false);
    expect(head('X: Basic')).toBe(false);
  });

  it.each([
    ['SSH-2.0-OpenSSH\r\n', /begin/],
    ['\x15\x03\x01\x00\x02', /begin/],
    ['HTTP/2 200\r\n\r\n', /begin/],
    ['\r\nHTTP/1.1 200 OK\r\n\r\n', /begin/],
    ['HTTP/1.1 20 OK\r\n\r\n', /status line/],
    ['HTTP/1.1 600 OK\r\n\r\n', /status line/],
    ['HTTP/1.1 200OK\r\n\r\n', /status line/],
    ['HTTP/1.1  200 OK\r\n\r\n', /status line/],
    ['HTTP/1.1 101 Switching\r\n\r\n', /another protocol/],
    ['HTTP/1.1 100 x\r\n\r\nHTTP/3 200\r\n\r\n', /begin/],
  ])('%j is refused', (text, expected) => {
    expect(() => push(text)).toThrow(malformed(expected));
  });

  it('is refused at its first wrong byte', () => {
    const head = new ConnectHead();
    expect(head.push(Buffer.from('HTT'))).toBeUndefined();
    expect(() => head.push(Buffer.from('X'))).toThrow(malformed(/begin/));
  });

  it(`has at most ${PROXY_HEAD_BYTES} bytes, interim ones included; what follows does not count`, () => {
    const interim = 'HTTP/1.1 103 x\r\n\r\n';
    const frame = `${interim}HTTP/1.1 200 x\r\nA: \r\n\r\n`;
    const of = (bytes: number) => frame.replace('A: ', `A: ${'a'.repeat(bytes - frame.length)}`);
    expect(push(`${of(PROXY_HEAD_BYTES)}${'r'.repeat(PROXY_HEAD_BYTES)}`)?.rest.length).toBe(
      PROXY_HEAD_BYTES,
    );
    expect(() => push(of(PROXY_HEAD_BYTES + 1))).toThrow(malformed(/more than 16384/));
    const endless = new ConnectHead();
    expect(endless.push(Buffer.from(`HTTP/1.1 200 ${'x'.repeat(PROXY_HEAD_BYTES - 13)}`))).toBeUndefined();
    expect(() => endless.push(Buffer.from('x'))).toThrow(malformed(/more than/));
    const chatty = new ConnectHead();
    expect(() => chatty.push(Buffer.from(interim.repeat(PROXY_HEAD_BYTES)))).toThrow(malformed(/more than/));
  });
});

it('asks for host and port, IPv6 in brackets, with credentials in UTF-8', () => {
  const proxy: EgressProxy = { host: 'p', port: 1 };
  expect(connectRequest(TARGET, proxy)).toBe(
    'CONNECT relay.example:443 HTTP/1.1\r\nHost: relay.example:443\r\n\r\n',
  );
  const credentials = { user: 'me', password: 'zürich' };
  expect(connectRequest({ host: '::1', port: 8_443 }, { ...proxy, credentials })).toBe(
    `CONNECT [::1]:8443 HTTP/1.1\r\nHost: [::1]:8443\r\nProxy-Authorization: Basic ${Buffer.from('me:zürich').toString('base64')}\r\n\r\n`,
  );
});

async function startProxy(options: ConnectProxyOptions): Promise<ConnectProxy> {
  const proxy = await ConnectProxy.start(options);
  onTestFinished(() => proxy.close());
  return proxy;
}

const through = (port: number, more: Partial<EgressProxy> = {}) => ({
  ...TARGET,
  proxy: { host: HOST, port, ...more },
  timeoutMs: 10_000,
  clock: systemClock,
});

async function dial(options: Parameters<typeof dialTcp>[0]): Promise<Link> {
  const link = await dialTcp(options);
  onTestFinished(() => link.reset());
  return link;
}

/** A proxy that answers `text` to whatever it is asked, and what dialling through it says. */
async function answering(text: string, more: Partial<EgressProxy> = {}): Promise<BeaconError> {
  const port = await serve((socket) => socket.once('data', () => socket.end(text)));
  return dial(through(port, more)).then(
    () => expect.unreachable('it was dialled'),
    (error: BeaconError) => error,
  );
}

describe('a dial through a proxy', () => {
  it('does TLS with the relay inside, by the name that the proxy looks up', async () => {
    const door = await openDoor();
    const proxy = await startProxy({ credentials: 'me:pw', names: { 'localhost:4443': door.port } });
    const options = through(proxy.port, { credentials: { user: 'me', password: 'pw' } });
    const link = await dialTls({
      ...options,
      host: 'localhost',
      port: 4_443,
      alpn: TEST_ALPN,
      trust: relayTrust(),
    });
    onTestFinished(() => link.reset());
    link.stream.write('hello');
    expect(await settled(() => door.links.length === 1)).toBe(true);
    const [at] = door.links;
    const seen = at && watch(at.stream);
    link.stream.end();
    await seen?.ended;
    expect(seen?.bytes.toString()).toBe('hello');
    expect(proxy.asked).toEqual(['CONNECT localhost:4443 HTTP/1.1']);
  });

  it('loses no byte that comes with the head, in one packet or byte by byte', async () => {
    for (const pieces of [[`${OK}early`], [...`${OK}early`]]) {
      const port = await serve((socket) => {
        socket.once('data', () => {
          for (const piece of pieces) socket.write(piece);
          socket.end(' and late');
        });
      });
      const link = await dial(through(port));
      const seen = watch(link.stream);
      await seen.ended;
      expect(seen.bytes.toString()).toBe('early and late');
    }
  });

  it('gives bytes that come with the head to TLS', async () => {
    const port = await serve((socket) =>
      socket.once('data', () => socket.write(`${OK}SSH-2.0-OpenSSH_9.9\r\n`)),
    );
    const dialling = dialTls({ ...through(port), alpn: TEST_ALPN, trust: relayTrust() });
    await expect(dialling).rejects.toMatchObject({
      code: 'closed',
      message: `relay.example:443 through the proxy: not a beacon relay: it does not speak TLS; check the address and the port`,
    });
  });

  const credentials = { user: 'me', password: 'hunter2' };
  it.each([
    [
      'HTTP/1.1 407 x\r\nProxy-Authenticate: Basic\r\n\r\n',
      {},
      false,
      /wants a user and a password.*--proxy-password-file/,
    ],
    [
      'HTTP/1.1 407 x\r\nProxy-Authenticate: Basic\r\n\r\n',
      { credentials },
      false,
      /refuses the user or the password/,
    ],
    [
      'HTTP/1.1 407 x\r\nProxy-Authenticate: NTLM\r\n\r\n',
      { credentials },
      false,
      /does not speak; allow Basic/,
    ],
    ['HTTP/1.1 403 x\r\n\r\n', {}, false, /does not allow connections to relay\.example:443/],
    ['HTTP/1.1 405 x\r\n\r\n', {}, false, /takes no CONNECT/],
    ['HTTP/1.1 502 x\r\n\r\n', {}, true, /cannot reach relay\.example:443.*status 502/],
    ['HTTP/1.1 302 x\r\n\r\n', {}, false, /did not connect.*status 302/],
    ['SSH-2.0-OpenSSH\r\n', {}, false, /does not speak HTTP; check host and port of --proxy/],
    ['HTTP/1.1 200', {}, true, /closed the connection before it answered/],
    ['', {}, true, /closed the connection before it answered/],
  ] as const)('that says %j fails with advice', async (text, more, retry, expected) => {
    const error = await answering(text, more);
    expect(error).toMatchObject({ code: 'unreachable', retry });
    expect(error.message).toMatch(/^the proxy [a-z]/);
    expect(error.message).toMatch(expected);
    expect(`${error.stack}${JSON.stringify(error.cause)}`).not.toMatch(/hunter2|aHVudGVyM|bWU6/);
  });

  it('names the proxy that is not there', async () => {
    const proxy = await ConnectProxy.start();
    const { port } = proxy;
    await proxy.close();
    await expect(dial(through(port))).rejects.toMatchObject({
      message: `cannot reach the proxy: connection refused; check the port, that it is running, and that no firewall rejects it`,
    });
  });

  it('has one time limit, which a silent proxy runs into', async () => {
    const clock = new ManualClock();
    const asked = Promise.withResolvers<void>();
    const port = await serve((socket) => socket.once('data', () => asked.resolve()));
    const failed = expect(dial({ ...through(port), clock })).rejects.toMatchObject({
      code: 'unreachable',
      retry: true,
      message: expect.stringContaining(`relay.example:443 through the proxy: no answer within 10 s`),
    });
    await asked.promise;
    clock.advance(9_999);
    expect(clock.pending).toBe(1);
    clock.advance(1);
    await failed;
    expect(clock.pending).toBe(0);
  });

  it('ends with its signal', async () => {
    const stop = new AbortController();
    const port = await serve((socket) => socket.once('data', () => stop.abort()));
    await expect(dial({ ...through(port), signal: stop.signal })).rejects.toMatchObject({ code: 'closed' });
  });
});
