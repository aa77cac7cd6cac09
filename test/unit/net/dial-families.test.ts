/** Happy eyeballs (RFC 8305): a name with an IPv6 and an IPv4 address, of which one is of no use. */
import { spawn } from 'node:child_process';
import dns from 'node:dns';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { HAPPY_EYEBALLS_MS } from '../../../src/base/limits.ts';
import { dialTcp } from '../../../src/net/dial.ts';
import { checkLeaks } from '../../support/leaks.ts';
import { serve } from '../../support/tcp-server.ts';

checkLeaks();

const V6 = { address: '::1', family: 6 };
const V4 = { address: '127.0.0.1', family: 4 };

/** Makes every name stand for `addresses`, in that order. */
function resolveTo(...addresses: readonly (typeof V6)[]): void {
  const answer = (_host: string, _options: object, done: (error: null, all: readonly object[]) => void) =>
    process.nextTick(done, null, addresses);
  const spy = vi.spyOn(dns, 'lookup').mockImplementation(answer as unknown as typeof dns.lookup);
  onTestFinished(() => spy.mockRestore());
}

/**
 * A port of `address` that answers no SYN: its process is stopped and its queue full (two connections for a backlog of one,
 * listen(2)).
 */
async function silentPort(address: string): Promise<number> {
  const script = `require('node:net').createServer().listen(0, '${address}', 1, function () { console.log(this.address().port) })`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const sockets: Socket[] = [];
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    const ended = once(child, 'close');
    child.kill('SIGKILL');
    await ended;
  });
  const port = Number(await once(child.stdout, 'data'));
  process.kill(child.pid ?? 0, 'SIGSTOP');
  for (let count = 0; count < 2; count += 1) {
    const socket = connect(port, address).on('error', () => {});
    sockets.push(socket);
    await once(socket, 'connect');
  }
  return port;
}

async function source(port: number): Promise<{ source: string; tookMs: number }> {
  const begun = systemClock.now();
  const link = await dialTcp({ host: 'relay.example', port, timeoutMs: 10_000, clock: systemClock });
  link.reset();
  return { source: link.source, tookMs: systemClock.now() - begun };
}

const HAS_IPV6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);
if (!HAS_IPV6) console.warn('NOT TESTED: dialling a name over IPv6 and IPv4, as this system has no ::1');

describe.runIf(HAS_IPV6).each([
  ['IPv6 first', [V6, V4]],
  ['IPv4 first', [V4, V6]],
] as const)('a name with two addresses, %s', (_name, [first, second]) => {
  it('is dialled at the first that answers', async () => {
    const port = await serve(() => {}, { host: first.address });
    await serve(() => {}, { host: second.address, port });
    resolveTo(first, second);
    expect((await source(port)).source).toBe(first.address);
  });

  it('is dialled at the second when the first refuses', async () => {
    const port = await serve(() => {}, { host: second.address });
    resolveTo(first, second);
    expect((await source(port)).source).toBe(second.address);
  });

  it(`is dialled at the second after ${HAPPY_EYEBALLS_MS} ms when the first is silent`, async () => {
    const port = await silentPort(first.address);
    await serve(() => {}, { host: second.address, port });
    resolveTo(first, second);
    const dialled = await source(port);
    expect(dialled.source).toBe(second.address);
    expect(dialled.tookMs).toBeGreaterThanOrEqual(HAPPY_EYEBALLS_MS - 1);
  });
});

it('that nobody answers at says so', async () => {
  const port = await serve(() => {}, { host: '127.0.0.2' });
  resolveTo(V6, V4);
  await expect(source(port)).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringContaining(`cannot reach relay.example:${port}: connection refused`),
  });
});
