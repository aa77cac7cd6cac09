/** Streams from a client to the store through real processes: broker, relay, bridge. */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/leaks.ts';
import { pour, sourceHash } from '../support/store.ts';
import { closed } from '../support/streams.ts';
import { ask, digest, residentMib, type Setup, startAll, visit } from '../support/tunnel-processes.ts';

const MIB = 1_024 * 1_024;
const RESET = ['error:ECONNRESET', 'close'];

let all: Setup;
beforeAll(async () => {
  all = await startAll();
});
afterAll(() => all.close());

describe('streams', () => {
  it('200 at once carry their own bytes, both ways', async () => {
    const clients = await Promise.all(Array.from({ length: 200 }, () => visit(all.broker.port, 'echo')));
    const sent = clients.map((_client, number) => Buffer.alloc(30_000 + number, `${number};`));
    for (const [number, { socket }] of clients.entries()) socket.end(sent[number] ?? '');
    await Promise.all(clients.map(({ seen }) => seen.closed));
    expect(clients.every(({ seen }, number) => seen.bytes.equals(sent[number] ?? Buffer.alloc(0)))).toBe(
      true,
    );
    expect(clients.every(({ seen }) => seen.events.join() === 'end,close')).toBe(true);
  });

  it('let the client end first and get its answer', async () => {
    const { socket, seen } = await visit(all.broker.port, 'sink');
    socket.end('all of it');
    await seen.closed;
    const hash = createHash('sha256').update('all of it').digest('hex');
    expect(seen.bytes.toString()).toBe(`9 ${hash}\n`);
    expect(seen.events).toEqual(['end', 'close']);
  });

  it('let the store end first and get the rest', async () => {
    const { socket, seen } = await visit(all.broker.port, 'bye');
    await seen.ended;
    const atStore = await all.store.visit('bye');
    expect(await pour(socket, 2 * MIB)).toBe(true);
    socket.end();
    await Promise.all([seen.closed, until(() => atStore.events.includes('close'))]);
    expect(atStore.received).toBe(2 * MIB);
    expect(atStore.events).toEqual(['end', 'close']);
  });

  it('carry 64 MiB from the store', async () => {
    const socket = await ask(all.broker.port, `source ${64 * MIB}`);
    expect(await digest(socket)).toEqual({ bytes: 64 * MIB, sha256: sourceHash(64 * MIB) });
    socket.end();
    await closed(socket);
  });

  it('carry 64 MiB to the store', async () => {
    const { socket, seen } = await visit(all.broker.port, 'sink');
    await pour(socket, 64 * MIB);
    socket.end();
    await seen.closed;
    expect(seen.bytes.toString()).toBe(`${64 * MIB} ${sourceHash(64 * MIB)}\n`);
  });

  it('end an endless answer at the store when the client cuts it off', async () => {
    const { socket, seen } = await visit(all.broker.port, 'endless');
    await until(() => seen.bytes.length > MIB);
    socket.resetAndDestroy();
    const atStore = await all.store.visit('endless');
    await until(() => atStore.events.includes('close'));
    expect(atStore.events).toEqual(RESET);
  });

  it('pass a reset of the store on as a reset, after what came before it', async () => {
    const { seen } = await visit(all.broker.port, 'cut');
    await seen.closed;
    expect(seen.events).toEqual(RESET);
  });

  it('pass a reset of the client on as a reset', async () => {
    const { socket } = await visit(all.broker.port, 'mute');
    const atStore = await all.store.visit('mute');
    atStore.socket.resume();
    socket.resetAndDestroy();
    await until(() => atStore.events.includes('close'));
    expect(atStore.events).toEqual(RESET);
  });

  it('stalled for good cost bounded memory, and fast ones go on', async () => {
    const before = [all.broker, all.bridge].map(residentMib);
    const stalled = await Promise.all(Array.from({ length: 20 }, () => ask(all.broker.port, 'endless')));
    for (const socket of stalled) socket.pause();
    await until(() => all.store.visits.filter(({ line }) => line === 'endless').length > 20);
    const fast = await ask(all.broker.port, `source ${32 * MIB}`);
    expect((await digest(fast)).sha256).toBe(sourceHash(32 * MIB));
    fast.end();
    const growth = [all.broker, all.bridge].map((each, at) => residentMib(each) - (before[at] ?? 0));
    // A window of 1 MiB and some buffers each, and what the garbage collector has not taken yet.
    for (const mib of growth) expect(mib).toBeLessThan(150);
    for (const socket of stalled) socket.resetAndDestroy();
    await until(() => all.store.open === 0);
  });

  it('1,500 of them reset by their clients, more than Node allows for, leave a live one whole', async () => {
    const { socket: live, seen } = await visit(all.broker.port, 'sink');
    const pouring = pour(live, 48 * MIB);
    for (let round = 0; round < 15; round += 1) {
      const clients = await Promise.all(Array.from({ length: 100 }, () => visit(all.broker.port, 'echo')));
      // Each has gone all the way before it is reset.
      await Promise.all(
        clients.map(async ({ socket }) => {
          socket.write('x');
          await once(socket, 'data');
        }),
      );
      for (const { socket } of clients) socket.resetAndDestroy();
    }
    await pouring;
    live.end();
    await seen.closed;
    expect(seen.bytes.toString()).toBe(`${48 * MIB} ${sourceHash(48 * MIB)}\n`);
    expect(all.broker.lines.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  it('leave no descriptor behind in any process', async () => {
    const processes = [all.relay, all.bridge, all.broker];
    const before = processes.map((each) => each.descriptors());
    const clients = await Promise.all(Array.from({ length: 50 }, () => visit(all.broker.port, 'echo')));
    for (const [number, { socket }] of clients.entries()) {
      if (number % 2 === 0) socket.end('x');
      else socket.resetAndDestroy();
    }
    await Promise.all(clients.map(({ seen }) => seen.closed));
    await until(() => all.store.open === 0);
    await until(() => processes.every((each, at) => each.descriptors() <= (before[at] ?? 0)));
    expect(processes.map((each) => each.descriptors())).toEqual(before);
  });
});
