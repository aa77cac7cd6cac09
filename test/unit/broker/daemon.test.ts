/** `beacon broker` from its settings: its listener, plain and with TLS, and that it stops and leaves nothing. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { silentLog } from '../../../src/base/log.ts';
import { type RunningBroker, startBroker } from '../../../src/broker/daemon.ts';
import { resolveSettings } from '../../../src/config/resolve.ts';
import { makePki, writePki } from '../../support/certificates.ts';
import { checkLeaks } from '../../support/leaks.ts';
import { startStore } from '../../support/store.ts';
import { watch } from '../../support/streams.ts';

checkLeaks();

let directory = '';
const file = (name: string): string => join(directory, name);

beforeAll(() => {
  directory = writePki(mkdtempSync(join(tmpdir(), 'beacon-test-')));
});
afterAll(() => rmSync(directory, { recursive: true }));

function start(flags: Readonly<Record<string, string>> = {}): Promise<RunningBroker> {
  const given = {
    listen: '127.0.0.1:0',
    // Nobody is there: the broker listens all the same.
    beaconAddress: '127.0.0.1:9',
    beaconCa: file('relay-ca.crt'),
    tlsCert: file('broker.crt'),
    tlsKey: file('broker.key'),
    tlsCa: file('bridge-ca.crt'),
    ...flags,
  };
  return startBroker(
    resolveSettings('broker', { healthAddr: 'off', ...given }, {}, { hostname: 'test', stderrIsTty: false }),
    silentLog,
  );
}

describe('the broker daemon', () => {
  it('answers clients before it has a tunnel, and resets them when it stops', async () => {
    const broker = await start();
    const socket = connect({ ...broker.address, host: broker.address.address });
    const seen = watch(socket);
    await once(socket, 'connect');
    socket.write('question');
    expect(broker.broker.connected).toBe(false);
    await broker.stop();
    await seen.closed;
    expect(seen.events).toEqual(['error:ECONNRESET', 'close']);
  });

  it('serves TLS where it has a certificate', async () => {
    const broker = await start({ listenCert: file('relay.crt'), listenKey: file('relay.key') });
    const ca = makePki().relayCa.certificate;
    const socket = connectTls({
      port: broker.address.port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca,
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    expect(socket.authorized).toBe(true);
    expect(socket.alpnProtocol).toBe('http/1.1');
    await broker.stop();
    await once(socket, 'close');
  });

  it('listens for each target, with one certificate for all', async () => {
    const tls = { listenCert: file('relay.crt'), listenKey: file('relay.key') };
    const broker = await start({ listen: '127.0.0.1:0=vault,127.0.0.1:0=db', ...tls });
    expect(new Set(broker.addresses.map(({ port }) => port)).size).toBe(2);
    expect(broker.address).toBe(broker.addresses[0]);
    const ca = makePki().relayCa.certificate;
    for (const { port } of broker.addresses) {
      const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca });
      socket.on('error', () => {});
      await once(socket, 'secureConnect');
      socket.destroy();
    }
    await broker.stop();
  });

  it('listens at all places or at none', async () => {
    const store = await startStore();
    onTestFinished(() => store.close());
    await expect(start({ listen: `127.0.0.1:0,127.0.0.1:${store.port}=db` })).rejects.toMatchObject({
      message: expect.stringContaining('in use'),
    });
  });

  it.each([
    ['tlsCert', 'bridge.crt', /--tls-/],
    ['listenKey', 'missing.key', /--listen-key/],
  ] as const)('does not start with a bad %s', async (flag, name, text) => {
    const listener = { listenCert: file('relay.crt'), listenKey: file('relay.key') };
    const starting = start({ ...listener, [flag]: file(name) });
    await expect(starting).rejects.toMatchObject({ code: 'config', message: expect.stringMatching(text) });
  });

  it('does not start on a port in use', async () => {
    const store = await startStore();
    onTestFinished(() => store.close());
    await expect(start({ listen: `127.0.0.1:${store.port}` })).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining('in use'),
    });
  });
});
