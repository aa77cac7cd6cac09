import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SocketServer, type SocketServerOptions } from '../../../src/net/socket-server.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { closed } from '../../support/streams.ts';

checkLeaks();

function create(options: Partial<SocketServerOptions> = {}): SocketServer {
  const server = new SocketServer({
    host: '127.0.0.1',
    port: 0,
    onSocket: () => {},
    onFailure: () => {},
    ...options,
  });
  onTestFinished(() => server.close());
  return server;
}

function client(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  return socket.resume();
}

const config = (text: RegExp) =>
  expect.objectContaining({ code: 'config', message: expect.stringMatching(text) });

describe('listen', () => {
  it('says where it listens', async () => {
    const { address, port } = await create().listen();
    expect(address).toBe('127.0.0.1');
    expect(port).toBeGreaterThan(0);
  });

  it('listens on every address when none is named', async () => {
    const { port } = await create({ host: '' }).listen();
    const sources: string[] = [];
    const { port: other } = await create({
      host: '',
      onSocket: (_socket, source) => sources.push(source),
    }).listen();
    const socket = client(other);
    expect(await settled(() => sources.length === 1)).toBe(true);
    // Not ::ffff:127.0.0.1, which would share its /64 with everybody on IPv4.
    expect(sources).toEqual(['127.0.0.1']);
    expect(port).not.toBe(other);
    socket.destroy();
  });

  it('says that the port is in use and what to do', async () => {
    const { port } = await create().listen();
    await expect(create({ port }).listen()).rejects.toEqual(
      config(new RegExp(`^cannot listen on 127\\.0\\.0\\.1:${port}: the port is in use; stop`)),
    );
  });

  it('shares its port between its own sockets, and with nobody else', async () => {
    const sockets = new Set<Socket>();
    const server = create({ acceptors: 8, onSocket: (socket) => sockets.add(socket) });
    const { port } = await server.listen();
    await expect(create({ port, acceptors: 8 }).listen()).rejects.toEqual(config(/the port is in use/));
    await expect(create({ port }).listen()).rejects.toEqual(config(/the port is in use/));
    const clients = Array.from({ length: 40 }, () => client(port));
    expect(await settled(() => sockets.size === clients.length)).toBe(true);
    await server.close();
    const late = client(port);
    await closed(late);
    expect(late.bytesRead).toBe(0);
    for (const socket of clients) socket.destroy();
    await create({ port, acceptors: 8 }).listen();
  });

  it('says that the address is not one of this machine', async () => {
    await expect(create({ host: '192.0.2.1' }).listen()).rejects.toEqual(
      config(/does not have that address/),
    );
  });
});

describe('a connection', () => {
  it('whose handler throws is closed, and the next one is served', async () => {
    const failures: unknown[] = [];
    const fault = new RangeError('broken');
    let calls = 0;
    const server = create({
      onSocket: (socket) => {
        calls += 1;
        if (calls === 1) throw fault;
        socket.end('served');
        socket.resume();
      },
      onFailure: (error) => failures.push(error),
    });
    const { port } = await server.listen();
    await closed(client(port));
    const second = client(port);
    expect(String((await once(second, 'data'))[0])).toBe('served');
    await closed(second);
    expect(failures).toEqual([fault]);
  });

  it('is reset by what adopted it when the server closes', async () => {
    let resets = 0;
    const server = create({
      onSocket: (socket) => {
        server.adopt(socket, {
          reset: () => {
            resets += 1;
            socket.destroy();
          },
        });
      },
    });
    const { port } = await server.listen();
    const first = client(port);
    await once(first, 'connect');
    await settled(() => false, 20);
    await server.close();
    expect(resets).toBe(1);
    await closed(first);
  });

  it('that is gone already cannot be adopted', async () => {
    const server = create({
      onSocket: (socket) => {
        socket.once('close', () => server.adopt(socket, { reset: () => expect.unreachable() }));
        socket.destroy();
      },
    });
    const { port } = await server.listen();
    await closed(client(port));
    await server.close();
  });
});

describe('close', () => {
  it('is fine for a server that never listened', async () => {
    await create().close();
  });
});
