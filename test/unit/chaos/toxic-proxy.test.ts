/** The toxic proxy of chaos runs, over real sockets of loopback. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { HARMLESS, type Toxin } from '../../chaos/toxic/flow.ts';
import { ToxicProxy } from '../../chaos/toxic/proxy.ts';

const BYTES = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));

async function setUp({ proxyHeader = false } = {}) {
  const calls: Socket[] = [];
  const target = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    calls.push(socket);
    target.emit('called');
  });
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
  const proxy = new ToxicProxy(async () => 'client');
  const { port } = target.address() as AddressInfo;
  const server = await proxy.listen(0, { name: 'relay', host: '127.0.0.1', port, proxyHeader });
  onTestFinished(() => {
    proxy.close();
    for (const call of calls) call.destroy();
    target.close();
  });
  const dial = async (): Promise<readonly [near: Socket, far: Socket]> => {
    const near = connect({ port: portOf(server), host: '127.0.0.1', allowHalfOpen: true });
    near.on('error', () => {});
    await once(target, 'called');
    return [near, calls.at(-1) as Socket];
  };
  return { proxy, dial };
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** Not by iteration, which would destroy the socket at the end of what it reads. */
function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => resolve(Buffer.concat(chunks)));
  });
}

/** However it closes. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** Bytes there and back, each with an end. */
async function exchange(dial: () => Promise<readonly [Socket, Socket]>): Promise<void> {
  const [near, far] = await dial();
  near.end(BYTES);
  expect(BYTES.equals(await readAll(far))).toBe(true);
  far.end(BYTES);
  expect(BYTES.equals(await readAll(near))).toBe(true);
}

it.each<readonly [string, Partial<Toxin>]>([
  ['nothing', {}],
  ['delay', { delayMs: 20 }],
  ['slices', { sliceBytes: 1_009 }],
  ['delay and slices', { delayMs: 5, sliceBytes: 4_001 }],
  ['bandwidth', { bytesPerSecond: 3_000_000 }],
])('brings every byte, in order, and the ends: %s', async (_, toxin) => {
  const { proxy, dial } = await setUp();
  for (const [from, to] of [
    ['client', 'relay'],
    ['relay', 'client'],
  ] as const)
    proxy.set(from, to, { ...HARMLESS, ...toxin });
  await exchange(dial);
});

it('lets bytes wait as long as it is told, and no faster than it is told', async () => {
  const { proxy, dial } = await setUp();
  proxy.set('client', 'relay', { ...HARMLESS, delayMs: 150 });
  const [near, far] = await dial();
  const began = performance.now();
  near.write('late');
  await once(far, 'data');
  expect(performance.now() - began).toBeGreaterThanOrEqual(145);
  proxy.set('client', 'relay', { ...HARMLESS, bytesPerSecond: 400_000 });
  const thin = performance.now();
  near.end(BYTES.subarray(0, 100_000));
  await readAll(far);
  expect(performance.now() - thin).toBeGreaterThanOrEqual(200);
});

it('swallows one way only, and cuts what lost bytes when that is over', async () => {
  const { proxy, dial } = await setUp();
  const [near, far] = await dial();
  proxy.set('client', 'relay', { ...HARMLESS, swallows: true });
  const heard: Buffer[] = [];
  far.on('data', (bytes: Buffer) => heard.push(bytes));
  near.write('never comes');
  far.write('comes');
  expect(String((await once(near, 'data'))[0])).toBe('comes');
  const cut = closed(near);
  proxy.set('client', 'relay', HARMLESS);
  await cut;
  expect(heard).toEqual([]);
  // New connections are as ever.
  await exchange(dial);
});

it('resets the connections of a link, whichever way it was dialled, and no others', async () => {
  const { proxy, dial } = await setUp();
  const [near, far] = await dial();
  expect(proxy.reset('client', 'elsewhere')).toBe(0);
  const ends = Promise.all([closed(near), closed(far)]);
  expect(proxy.reset('relay', 'client')).toBe(1);
  await ends;
});

it('passes a reset on', async () => {
  const { dial } = await setUp();
  const [near, far] = await dial();
  const broke = once(far, 'error');
  near.resetAndDestroy();
  expect((await broke)[0]).toMatchObject({ code: 'ECONNRESET' });
});

it('says whose connection it is, where the target asks for that', async () => {
  const { dial } = await setUp({ proxyHeader: true });
  const [near, far] = await dial();
  near.end('hello');
  const text = String(await readAll(far));
  expect(text).toMatch(/^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\nhello$/);
});
