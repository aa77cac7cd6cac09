/** How the processes start late, stop in good order, and say why a stream failed. */

import { describe, expect, it, onTestFinished } from 'vitest';
import { sleep, systemClock } from '../../src/base/clock.ts';
import { RECONNECT_HEALTHY_MS } from '../../src/base/limits.ts';
import { until } from '../support/leaks.ts';
import { makePkiDirectory, startBeacon } from '../support/processes.ts';
import { startStore } from '../support/store.ts';
import { closed } from '../support/streams.ts';
import { HOST, startAll, visit } from '../support/tunnel-processes.ts';

describe('a bridge that is stopped', () => {
  it('finishes its streams, costs no request where another is there, and ends the splice cleanly', async () => {
    const all = await startAll({ relay: ['--log-level', 'debug'] });
    onTestFinished(() => all.close());
    const long = await visit(all.broker.port, 'echo');
    await all.store.visit('echo');
    const target = ['--vault-addr', `tcp://${HOST}:${all.store.port}`];
    const other = await startBeacon(all.pki.clientArgs('bridge', [all.relay.port], ...target));
    onTestFinished(() => other.kill().then(() => {}));
    // A tunnel that is younger than 5 s counts as one that does not stay, which is worth a warning.
    await sleep(systemClock, RECONNECT_HEALTHY_MS);
    await until(
      () => all.broker.lines.filter(({ msg }) => msg === 'a tunnel to the bridge is up').length === 2,
    );
    let stopped = false;
    let served = 0;
    const workers = Array.from({ length: 4 }, async () => {
      for (let more = 25; more > 0; more -= stopped ? 1 : 0) {
        const { socket, seen } = await visit(all.broker.port, 'echo');
        socket.end('request');
        await seen.closed;
        expect(seen.events).toEqual(['end', 'close']);
        expect(seen.bytes.toString()).toBe('request');
        served += 1;
      }
    });
    await until(() => served > 50);
    const stopping = all.bridge.stop().finally(() => {
      stopped = true;
    });
    await all.bridge.waitFor(/^Stopping/);
    stopped = true;
    long.socket.end('still here');
    await long.seen.closed;
    expect(long.seen.bytes.toString()).toBe('still here');
    expect(long.seen.events).toEqual(['end', 'close']);
    await Promise.all(workers);
    expect(await stopping).toEqual({ code: 0, signal: null });
    expect(all.broker.lines.filter(({ level }) => level === 'warn')).toEqual([]);
    expect(await all.relay.waitFor('a splice ended')).toMatchObject({ outcome: 'ended' });
    await all.broker.stop();
    await until(() => all.relay.lines.filter(({ msg }) => msg === 'a splice ended').length === 2);
    const outcomes = all.relay.lines
      .filter(({ msg }) => msg === 'a splice ended')
      .map((line) => line['outcome']);
    expect(outcomes).toEqual(['ended', 'ended']);
  });
});

describe('a broker', () => {
  it('serves a client that came before there was a bridge', async () => {
    const pki = await makePkiDirectory();
    const store = await startStore();
    const relay = await startBeacon(pki.relayArgs());
    const broker = await startBeacon(pki.clientArgs('broker', [relay.port]));
    const { socket, seen } = await visit(broker.port, 'echo');
    socket.end('early');
    const target = ['--vault-addr', `tcp://${HOST}:${store.port}`];
    const bridge = await startBeacon(pki.clientArgs('bridge', [relay.port], ...target));
    await seen.closed;
    expect(seen.bytes.toString()).toBe('early');
    expect(seen.events).toEqual(['end', 'close']);
    for (const each of [broker, bridge, relay]) expect(await each.stop()).toEqual({ code: 0, signal: null });
    await store.close();
    await pki.remove();
  });

  it('resets clients, and logs the code, when the store is not who it should be, and when it is down', async () => {
    const pki = await makePkiDirectory();
    const store = await startStore({ tls: pki.pki.relay });
    const relay = await startBeacon(pki.relayArgs());
    // The store's certificate is not from this CA.
    const target = [
      '--vault-addr',
      `https://localhost:${store.port}`,
      '--vault-ca',
      pki.file('bridge-ca.crt'),
    ];
    const bridge = await startBeacon(pki.clientArgs('bridge', [relay.port], ...target));
    const broker = await startBeacon(pki.clientArgs('broker', [relay.port]));
    const { socket, seen } = await visit(broker.port, 'echo');
    socket.write('secret');
    await closed(socket);
    expect(seen.events).toEqual(['error:ECONNRESET', 'close']);
    expect(await broker.waitFor(/refused a stream/)).toMatchObject({ code: 'targetTls' });
    expect(store.visits).toEqual([]);
    await store.close();
    const late = await visit(broker.port, 'echo');
    await closed(late.socket);
    expect(late.seen.events).toEqual(['error:ECONNRESET', 'close']);
    expect(await broker.waitFor(/targetUnreachable/)).toMatchObject({
      level: 'warn',
      code: 'targetUnreachable',
    });
    expect(await bridge.waitFor(/cannot reach the target vault/)).toMatchObject({
      level: 'warn',
      code: 'targetUnreachable',
    });
    for (const each of [broker, bridge, relay]) await each.stop();
    await pki.remove();
  });
});
