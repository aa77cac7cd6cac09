import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { line } from '../../../src/admin/exchange.ts';
import { HttpListener, type HttpListenerOptions } from '../../../src/admin/http-listener.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { ADMIN_BODY_BYTES, ADMIN_CONNECTIONS, ADMIN_HEADER_BYTES } from '../../../src/base/limits.ts';
import { silentLog } from '../../../src/base/log.ts';
import { get, sendRaw } from '../../support/http.ts';
import { checkLeaks } from '../../support/leaks.ts';
import { recordingLog } from '../../support/recording-log.ts';

const open = new Set<HttpListener>();

checkLeaks();
afterEach(async () => {
  await Promise.all([...open].map((listener) => listener.close()));
  open.clear();
});

async function listen(
  options: Partial<HttpListenerOptions> = {},
): Promise<{ listener: HttpListener; port: number }> {
  const listener = new HttpListener({
    address: { host: '127.0.0.1', port: 0 },
    flag: '--health-addr',
    answer: ({ method, path, host, peer }) => line(200, [method, path, host, peer].join(' ')),
    clock: systemClock,
    log: silentLog,
    ...options,
  });
  open.add(listener);
  const { address, port } = await listener.listen();
  expect(address).toBe('127.0.0.1');
  return { listener, port };
}

describe('a listener', () => {
  it('tells who asks for what, and answers so that nobody keeps or embeds it', async () => {
    const { port } = await listen();
    const { status, body, headers } = await get(port, '/a?b=c', { headers: { host: 'name:1' } });
    expect([status, body]).toEqual([200, 'GET /a name:1 127.0.0.1\n']);
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });

  it('answers HEAD without a body', async () => {
    const { port } = await listen();
    const { headers, body } = await get(port, '/', { method: 'HEAD' });
    expect(body).toBe('');
    expect(Number(headers['content-length'])).toBeGreaterThan(0);
  });

  it('answers 500 where an endpoint fails, says so in its log, and goes on', async () => {
    const { log, lines } = recordingLog();
    let calls = 0;
    const { port } = await listen({
      log,
      answer: () => {
        calls += 1;
        if (calls === 1) throw new TypeError('secret detail');
        return line(200, 'fine');
      },
    });
    const failed = await get(port, '/');
    expect(failed.status).toBe(500);
    expect(failed.body).not.toContain('secret');
    expect(lines.map(({ level }) => level)).toContain('error');
    expect((await get(port, '/')).status).toBe(200);
  });

  it('serves 50 at once, and each whole', async () => {
    const body = 'x'.repeat(200_000);
    const { port } = await listen({ answer: () => ({ status: 200, body }) });
    const replies = await Promise.all(Array.from({ length: 50 }, () => get(port, '/metrics')));
    expect(replies.every((reply) => reply.status === 200 && reply.body === body)).toBe(true);
  });
});

describe('limits', () => {
  it('takes headers up to the limit, and no more', async () => {
    const { port } = await listen();
    const withHeader = async (bytes: number): Promise<number> =>
      (await get(port, '/', { headers: { 'x-long': 'x'.repeat(bytes) } })).status;
    expect(await withHeader(ADMIN_HEADER_BYTES - 200)).toBe(200);
    expect(await withHeader(ADMIN_HEADER_BYTES)).toBe(431);
  });

  it('takes a body up to the limit, and no more', async () => {
    const { port } = await listen();
    const withBody = (bytes: number) => get(port, '/', { method: 'POST', body: 'x'.repeat(bytes) });
    expect((await withBody(ADMIN_BODY_BYTES)).status).toBe(200);
    expect((await withBody(ADMIN_BODY_BYTES + 1)).status).toBe(413);
  });

  it('ends a body that goes on for ever', async () => {
    const { port } = await listen();
    const chunk = `400\r\n${'x'.repeat(0x400)}\r\n`;
    const answer = await sendRaw(
      port,
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(8)}`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
  });

  it('ends who says nothing, or not all', async () => {
    const { port } = await listen({ requestMs: 100 });
    const [silent, slow] = await Promise.all([
      sendRaw(port, ''),
      sendRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\n'),
    ]);
    expect(slow).toMatch(/^(HTTP\/1.1 408 |$)/);
    expect(silent).toMatch(/^(HTTP\/1.1 408 |$)/);
  });

  it('closes the oldest connection when there are too many: a flood keeps no probe out', async () => {
    const { port } = await listen();
    const first = connect({ host: '127.0.0.1', port });
    await once(first, 'connect');
    const gone = once(first, 'close');
    const flood = await Promise.all(
      Array.from({ length: ADMIN_CONNECTIONS }, async () => {
        const socket = connect({ host: '127.0.0.1', port }).on('error', () => {});
        await once(socket, 'connect');
        return socket;
      }),
    );
    await gone;
    expect((await get(port, '/')).status).toBe(200);
    for (const socket of flood) socket.destroy();
  });

  it('closes at once though a connection is kept open', async () => {
    const { listener, port } = await listen();
    const socket = connect({ host: '127.0.0.1', port });
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'data');
    const closed = once(socket, 'close');
    await Promise.all([listener.close(), closed]);
    await listener.close();
  });
});

describe('a port in use', () => {
  it.each(['--health-addr', '--admin-addr'])('is told with the flag %s', async (flag) => {
    const { port } = await listen();
    const other = listen({ flag, address: { host: '127.0.0.1', port } });
    await expect(other).rejects.toMatchObject({
      code: 'config',
      message: `${flag}: cannot listen on 127.0.0.1:${port}: the port is in use; stop the other process or choose another port`,
    });
  });
});
