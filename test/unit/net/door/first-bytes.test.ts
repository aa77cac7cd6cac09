/** What comes before TLS, through a TlsAcceptor with a budget on a real port. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CLIENT_HELLO_BYTES, HANDSHAKE_REST_MS, UNFINISHED_HANDSHAKES } from '../../../../src/base/limits.ts';
import { type BudgetDoor, openBudgetDoor } from '../../../support/budget-door.ts';
import { clientHello, TIMEOUT_MS, tcpClient, tlsClient } from '../../../support/door.ts';
import { checkLeaks, descriptors, settled } from '../../../support/leaks.ts';
import { HOST } from '../../../support/net-links.ts';
import { closed, watch } from '../../../support/streams.ts';

checkLeaks();

/** The next client is served, nothing is unfinished, and descriptors are back. */
async function expectHealthy(door: BudgetDoor, before: number | undefined): Promise<void> {
  expect(await settled(() => (descriptors() ?? 0) <= (before ?? 0))).toBe(true);
  expect(door.handshakes.status).toMatchObject({ unfinished: 0, waiting: 0, places: 0 });
  expect(door.clock.pending).toBe(0);
  await serve(door);
}

async function serve(door: BudgetDoor): Promise<void> {
  const client = tlsClient(door.port);
  const text = 'first bytes after the handshake';
  client.write(text);
  const served = door.links.length;
  await once(client, 'secureConnect');
  expect(await settled(() => door.links.length > served)).toBe(true);
  const stream = door.links.at(-1)?.stream;
  const seen = stream && watch(stream);
  expect(await settled(() => seen?.bytes.toString() === text)).toBe(true);
  client.destroy();
}

/** Whole, and in line, as nobody gets a place. */
async function standInLine(door: BudgetDoor): Promise<Socket> {
  door.handshakes.pause();
  const client = tcpClient(door.port);
  client.write(await clientHello());
  expect(await settled(() => door.handshakes.status.waiting === 1)).toBe(true);
  return client;
}

describe('a client', () => {
  it('is served, what it sends with its Finished included', async () => {
    const door = await openBudgetDoor();
    await serve(door);
    expect(door.noise).toEqual([]);
    expect(door.handshakes.status).toMatchObject({ unfinished: 0, places: 0 });
    const [raw] = door.accepted;
    for (const event of ['data', 'end']) expect(raw?.listenerCount(event)).toBeLessThanOrEqual(1);
  });

  it('whose ClientHello comes one byte at a time is served', async () => {
    const door = await openBudgetDoor();
    const relay = connect({ host: HOST, port: door.port, noDelay: true });
    onTestFinished(() => void relay.destroy());
    const hello = await clientHello();
    const answer = watch(relay);
    for (const byte of hello.subarray(0, -1)) {
      relay.write(Buffer.of(byte));
      await settled(() => false, 1);
    }
    expect(await settled(() => door.accepted[0]?.bytesRead === hello.length - 1)).toBe(true);
    expect(door.handshakes.status).toMatchObject({ unfinished: 1, waiting: 0, places: 0 });
    expect(answer.bytes).toHaveLength(0);
    relay.write(hello.subarray(-1));
    // ServerHello: a handshake record.
    expect(await settled(() => answer.bytes[0] === 22)).toBe(true);
    expect(door.handshakes.status).toMatchObject({ unfinished: 1, places: 0 });
  });

  it('whose ClientHello comes in two packets is served, after a wait in line as well', async () => {
    const door = await openBudgetDoor();
    const client = tcpClient(door.port);
    const hello = await clientHello();
    client.write(hello.subarray(0, 700));
    expect(await settled(() => door.accepted[0]?.bytesRead === 700)).toBe(true);
    door.handshakes.pause();
    client.write(hello.subarray(700));
    expect(await settled(() => door.handshakes.status.waiting === 1)).toBe(true);
    const answer = watch(client);
    door.handshakes.resume();
    expect(await settled(() => answer.bytes[0] === 22)).toBe(true);
    expect(door.noise).toEqual([]);
  });

  it('that waits in line is served in time, and is too late at its deadline from accept', async () => {
    const door = await openBudgetDoor();
    door.handshakes.pause();
    const client = tlsClient(door.port);
    expect(await settled(() => door.handshakes.status.waiting === 1)).toBe(true);
    door.clock.advance(TIMEOUT_MS - 1);
    door.handshakes.resume();
    await once(client, 'secureConnect');
    expect(await settled(() => door.links.length === 1)).toBe(true);
    await standInLine(door);
    door.clock.advance(TIMEOUT_MS - 1);
    expect(door.noise).toEqual([]);
    door.clock.advance(1);
    expect(door.noise).toEqual(['timeout']);
    expect(door.handshakes.status).toMatchObject({ unfinished: 0, waiting: 0 });
  });
});

describe('what is not served', () => {
  it('plain HTTP is closed without TLS', async () => {
    const door = await openBudgetDoor();
    const before = descriptors();
    const client = tcpClient(door.port);
    client.write('GET / HTTP/1.1\r\nHost: relay\r\n\r\n');
    const seen = watch(client);
    await seen.ended;
    client.destroy();
    expect(seen.bytes).toHaveLength(0);
    expect(door.noise).toEqual(['notTls']);
    await expectHealthy(door, before);
  });

  it('garbage behind a ClientHello fails in TLS, not before', async () => {
    const door = await openBudgetDoor();
    const before = descriptors();
    const client = tcpClient(door.port);
    client.write(Buffer.concat([await clientHello(), Buffer.alloc(100, 0xff)]));
    const seen = watch(client);
    expect(await settled(() => door.noise.length === 1 && seen.events.length > 0)).toBe(true);
    client.destroy();
    // TLS has answered it: with its flight, or an alert.
    expect([21, 22]).toContain(seen.bytes[0]);
    expect(['handshake', 'closed']).toContain(door.noise[0]);
    await expectHealthy(door, before);
  });

  it.each([
    ['in one packet', true],
    ['while it waits in line', false],
  ])('more than the limit %s', async (_name, together) => {
    const door = await openBudgetDoor();
    const before = descriptors();
    const hello = await clientHello();
    door.handshakes.pause();
    const client = tcpClient(door.port);
    const more = Buffer.alloc(CLIENT_HELLO_BYTES - hello.length);
    client.write(together ? Buffer.concat([hello, more]) : hello);
    expect(await settled(() => door.handshakes.status.waiting === 1)).toBe(true);
    if (!together) client.write(more);
    expect(await settled(() => door.accepted[0]?.bytesRead === CLIENT_HELLO_BYTES)).toBe(true);
    expect(door.noise).toEqual([]);
    client.write(Buffer.of(0));
    expect(await settled(() => door.noise.length === 1)).toBe(true);
    expect(door.noise).toEqual(['handshake']);
    client.destroy();
    door.handshakes.resume();
    await expectHealthy(door, before);
  });

  it.each(['end', 'resetAndDestroy'] as const)('a peer that leaves the line by %s', async (how) => {
    const door = await openBudgetDoor();
    const before = descriptors();
    const client = await standInLine(door);
    client[how]();
    // Without the help of any deadline: the clock stands still.
    expect(await settled(() => door.noise.length === 1)).toBe(true);
    expect(door.noise).toEqual(['closed']);
    client.destroy();
    door.handshakes.resume();
    await expectHealthy(door, before);
  });

  it.each([
    ['silence', 0],
    ['half a ClientHello', 700],
    ['a whole one and no more', 2_000],
  ])('%s, until the deadline', async (_name, length) => {
    const door = await openBudgetDoor();
    const before = descriptors();
    const client = tcpClient(door.port);
    client.write((await clientHello()).subarray(0, length));
    expect(await settled(() => door.handshakes.status.unfinished === 1)).toBe(true);
    expect(await settled(() => door.accepted[0]?.bytesRead === client.bytesWritten)).toBe(true);
    door.clock.advance(TIMEOUT_MS - 1);
    expect(door.noise).toEqual([]);
    door.clock.advance(1);
    expect(door.noise).toEqual(['timeout']);
    client.destroy();
    await expectHealthy(door, before);
  });
});

describe('a flood', () => {
  it('from one source is closed first, and does not keep another source out', async () => {
    const door = await openBudgetDoor();
    const before = descriptors();
    door.handshakes.pause();
    const flood = connect({ host: HOST, port: door.port, localAddress: '127.0.0.2' });
    flood.on('error', () => {});
    onTestFinished(() => void flood.destroy());
    expect(await settled(() => door.handshakes.status.unfinished === 1)).toBe(true);
    // The others of the flood are sources and handshakes only: 4,096 sockets would say no more.
    const ghosts = Array.from({ length: UNFINISHED_HANDSHAKES - 1 }, (_, at) =>
      door.handshakes.enter(`127.0.0.${2 + (at % 2)}`, { start: () => {}, crowded: () => {} }),
    );
    const client = tlsClient(door.port);
    await closed(flood.resume());
    expect(door.noise).toEqual(['crowded']);
    for (const ghost of ghosts) ghost.ready();
    expect(await settled(() => door.handshakes.status.waiting === UNFINISHED_HANDSHAKES)).toBe(true);
    door.handshakes.resume();
    // So many accepts are followed by a rest.
    door.clock.advance(HANDSHAKE_REST_MS);
    await once(client, 'secureConnect');
    expect(await settled(() => door.links.length === 1)).toBe(true);
    client.destroy();
    door.links[0]?.reset();
    for (const ghost of ghosts) ghost.leave();
    // Those that had begun cost time as well.
    door.clock.advance(1_000);
    await expectHealthy(door, before);
  });
});
