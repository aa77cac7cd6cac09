/** The broker: one tunnel at a time, another when it is gone, and how it stops. */
import { describe, expect, it } from 'vitest';
import { BeaconError } from '../../../src/base/errors.ts';
import {
  INNER_HANDSHAKE_TIMEOUT_MS,
  LEG_LINGER_MS,
  RECONNECT_FIRST_MS,
  RECONNECT_HEALTHY_MS,
  RECONNECT_MAX_MS,
} from '../../../src/base/limits.ts';
import { brokerScene } from '../../support/broker-scene.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { quiet } from '../../support/puppet-relay.ts';
import { watch } from '../../support/streams.ts';

checkLeaks();

describe('a broker', () => {
  it('dials a relay at its start and says when its tunnel is up', async () => {
    const scene = await brokerScene();
    expect(scene.relay.clients).toHaveLength(1);
    expect(scene.broker.connected).toBe(false);
    await scene.bridge();
    expect(scene.broker.connected).toBe(true);
    expect(scene.lines).toContainEqual(
      expect.objectContaining({ level: 'info', message: 'a tunnel to the bridge is up' }),
    );
    expect(scene.broker.tunnels).toMatchObject([
      { streams: 0, paths: [['relay-0']], redundancy: { kind: 'single' } },
    ]);
  });

  it('looks for another bridge after the backoff when its tunnel has lost its leg', async () => {
    const scene = await brokerScene();
    await scene.bridge();
    await scene.relay.die();
    expect(scene.broker.connected).toBe(false);
    await quiet();
    expect(scene.relay.searches).toHaveLength(1);
    await scene.clock.advanceAsync(RECONNECT_FIRST_MS);
    await quiet();
    expect(scene.relay.searches).toHaveLength(2);
    await scene.bridge();
    expect(scene.broker.connected).toBe(true);
  });

  it('builds another tunnel at once when the bridge of a healthy one leaves in good order', async () => {
    const scene = await brokerScene();
    const first = await scene.bridge();
    const client = scene.client();
    const seen = watch(client.stream);
    await settled(() => scene.arrived.length === 1);
    await scene.clock.advanceAsync(RECONNECT_HEALTHY_MS);
    const closing = first.close();
    await quiet();
    expect(scene.relay.searches).toHaveLength(2);
    const second = await scene.bridge();
    expect(scene.broker.connected).toBe(true);
    // New clients go to the new bridge, the running stream finishes at the old one.
    scene.client();
    await settled(() => scene.arrived.length === 2);
    scene.arrived[0]?.stream.end('from the first');
    scene.arrived[0]?.stream.resume();
    client.stream.end();
    await seen.closed;
    expect(seen.bytes.toString()).toBe('from the first');
    expect(seen.events).toEqual(['end', 'close']);
    await closing;
    expect(scene.warnings()).toEqual([]);
    second.destroy();
  });

  it('waits by the backoff for a bridge that leaves as soon as it comes', async () => {
    const scene = await brokerScene();
    const bridge = await scene.bridge();
    await bridge.close();
    await quiet();
    expect(scene.relay.searches).toHaveLength(1);
    await scene.clock.advanceAsync(RECONNECT_FIRST_MS);
    await quiet();
    expect(scene.relay.searches).toHaveLength(2);
  });

  it.each([
    ['noBridge', RECONNECT_FIRST_MS / 2],
    ['notAllowed', RECONNECT_MAX_MS / 2 + RECONNECT_FIRST_MS / 4],
  ] as const)('refused with %s tries again, not before %i ms', async (code, waitMs) => {
    const { relay, clock, warnings } = await brokerScene();
    relay.clients[0]?.refuse(code, { text: 'so it is' });
    await quiet();
    await clock.advanceAsync(waitMs - 1);
    await quiet();
    expect(relay.searches).toHaveLength(1);
    // The wait of the search and that of the address, one after the other at the most.
    await clock.advanceAsync(waitMs + 1);
    await quiet();
    expect(relay.searches).toHaveLength(2);
    expect(warnings()).toEqual([`the relay refused (${code}): so it is`]);
  });

  it('gives up a bridge that says nothing, and resets the leg', async () => {
    const { relay, clock, warnings } = await brokerScene();
    const [silent] = relay.clients;
    silent?.sendPaired();
    await quiet();
    const seen = silent && watch(silent.link.stream);
    await clock.advanceAsync(INNER_HANDSHAKE_TIMEOUT_MS);
    await settled(() => seen?.events.length === 1);
    // It is told that the session is given up; a bridge that does not end the leg then is reset.
    expect(seen?.events).toEqual(['end']);
    await clock.advanceAsync(LEG_LINGER_MS);
    await seen?.closed;
    expect(seen?.events).toEqual(['end', 'error:ECONNRESET', 'close']);
    expect(warnings()[0]).toMatch(/handshake was not done/);
  });

  it('goes on after a dial that failed', async () => {
    const scene = await brokerScene();
    scene.relay.down = new BeaconError('unreachable', 'no route', { retry: true });
    await scene.relay.die();
    await scene.clock.advanceAsync(RECONNECT_MAX_MS);
    await quiet();
    scene.relay.down = undefined;
    await scene.clock.advanceAsync(RECONNECT_MAX_MS);
    await quiet();
    await scene.bridge();
    expect(scene.broker.connected).toBe(true);
  });
});

describe('a broker that stops', () => {
  it('lets running streams finish', async () => {
    const scene = await brokerScene();
    await scene.bridge();
    const client = scene.client();
    const seen = watch(client.stream);
    await settled(() => scene.arrived.length === 1 && scene.broker.streams === 1);
    const stopping = scene.broker.stop(new Promise(() => {}));
    await quiet();
    scene.arrived[0]?.stream.end('last words');
    scene.arrived[0]?.stream.resume();
    client.stream.end();
    await seen.closed;
    expect(seen.events).toEqual(['end', 'close']);
    await stopping;
    expect(scene.relay.searches).toHaveLength(1);
    expect(scene.broker.streams).toBe(0);
  });

  it('cuts at its deadline what still runs', async () => {
    const scene = await brokerScene();
    await scene.bridge();
    const seen = watch(scene.client().stream);
    await settled(() => scene.broker.streams === 1);
    await scene.broker.stop(Promise.resolve());
    await seen.closed;
    expect(seen.events).toEqual(['error:ECONNRESET', 'close']);
  });

  it.each(['before it is paired', 'in its handshake', 'in its backoff'])(
    'leaves the relay %s',
    async (when) => {
      const { broker, relay, clock } = await brokerScene();
      const [client] = relay.clients;
      if (when === 'in its handshake') client?.sendPaired();
      if (when === 'in its backoff') await relay.die();
      await quiet();
      client?.link.stream.resume();
      await broker.stop(new Promise(() => {}));
      await quiet();
      expect(relay.open).toHaveLength(0);
      expect(relay.clients).toHaveLength(1);
      expect(clock.pending).toBe(0);
    },
  );

  it('resets clients that wait and those that come', async () => {
    const scene = await brokerScene();
    const waiting = watch(scene.client().stream);
    await scene.broker.stop(Promise.resolve());
    const late = watch(scene.client().stream);
    await Promise.all([waiting.closed, late.closed]);
    expect([waiting.events, late.events]).toEqual([
      ['error:ECONNRESET', 'close'],
      ['error:ECONNRESET', 'close'],
    ]);
  });
});
