/** A bridge and three relay processes: its parks stand on all of them, move when one is killed, and come back. */

import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { Bridge } from '../../src/bridge/bridge.ts';
import { RelayDialer } from '../../src/tunnel/relay-dialer.ts';
import { until } from '../support/leaks.ts';
import { memoryLinks } from '../support/memory-link.ts';
import { freePorts } from '../support/ports.ts';
import { makePkiDirectory, startBeacon } from '../support/processes.ts';
import { recordingLog } from '../support/recording-log.ts';
import { seededRandom } from '../support/seeded-random.ts';

import { identityOf } from '../support/tunnels.ts';

const NODES = ['relay-0', 'relay-1', 'relay-2'];

describe('a bridge with three relays', () => {
  it('parks 2+1+1, does without one that is killed, and returns to it', { timeout: 60_000 }, async () => {
    const files = await makePkiDirectory();
    onTestFinished(() => files.remove());
    const ports = await freePorts(NODES.length);
    const start = async (index: number) => {
      const args = ['--addr', `127.0.0.1:${ports[index]}`, '--node-name', NODES[index] as string];
      const relay = await startBeacon(files.relayArgs(...args));
      onTestFinished(() => void relay.kill());
      return relay;
    };
    const relays = [await start(0), await start(1), await start(2)];
    const random = seededRandom(7);
    const { log } = recordingLog();
    const identity = identityOf('bridge', files.pki);
    const dialer = new RelayDialer({
      addresses: ports.map((port) => ({ host: '127.0.0.1', port })),
      relayCa: [files.pki.relayCa.certificate],
      pins: [],
      identity,
      bridgeCas: [files.pki.bridgeCa.der],
      clock: systemClock,
      random,
    });
    const reach = () => Promise.resolve(memoryLinks()[0]);
    const deps = { clock: systemClock, random, log };
    const bridge = new Bridge({ ...deps, dialer, identity, parks: 4, reach, software: 'test/1' });
    onTestFinished(() => bridge.stop(Promise.resolve()));
    const counts = (): string => NODES.map((node) => bridge.parkedByHost.get(node) ?? 0).join('+');
    const isSpread = (): boolean => counts().split('+').toSorted().join('+') === '1+1+2';

    bridge.start();
    await until(isSpread);
    await relays[1]?.kill();
    await until(() => counts() === '2+0+2');
    await start(1);
    await until(isSpread);
    expect(bridge.parked).toBe(4);
  });
});
