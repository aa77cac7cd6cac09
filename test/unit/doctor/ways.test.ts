import { describe, expect, it } from 'vitest';
import { DOCTOR_LOOK_UP_MS, DOCTOR_WAYS } from '../../../src/base/limits.ts';
import { findWays, type WaysOptions } from '../../../src/doctor/ways.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const NAMES: Readonly<Record<string, readonly string[]>> = {
  'one.test': ['192.0.2.1'],
  'two.test': ['192.0.2.2', '2001:db8::2'],
  'none.test': [],
  'many.test': Array.from({ length: DOCTOR_WAYS + 1 }, (_, at) => `192.0.2.${at}`),
};
const PROXY = { host: 'proxy.test', port: 3_128 };

const find = (hosts: readonly string[], more: Partial<WaysOptions> = {}) =>
  findWays({
    addresses: hosts.map((host) => ({ host, port: 443 })),
    serverName: undefined,
    proxyFor: () => undefined,
    lookUp: async (host) => NAMES[host] ?? [],
    clock: new ManualClock(),
    ...more,
  });

describe('findWays', () => {
  it('makes one way of each IP address, and verifies the name that was given', async () => {
    const ways = await find(['one.test', 'two.test', '198.51.100.1']);
    expect(ways.map(({ name, address, serverName }) => [name, address.host, serverName])).toEqual([
      ['one.test:443', '192.0.2.1', 'one.test'],
      ['two.test:443 (192.0.2.2)', '192.0.2.2', 'two.test'],
      ['two.test:443 (2001:db8::2)', '2001:db8::2', 'two.test'],
      ['198.51.100.1:443', '198.51.100.1', '198.51.100.1'],
    ]);
    expect(ways.map(({ lookUp }) => lookUp?.text)).toEqual([
      '192.0.2.1',
      '2 addresses, each examined',
      '2 addresses, each examined',
      undefined,
    ]);
  });

  it('takes one name for all certificates where that is asked for', async () => {
    const ways = await find(['one.test', '198.51.100.1'], { serverName: 'relay.test' });
    expect(ways.map(({ serverName }) => serverName)).toEqual(['relay.test', 'relay.test']);
  });

  it('leaves a name to the proxy, and to the dial where nothing is found', async () => {
    const proxyFor: WaysOptions['proxyFor'] = ({ host }) => (host === 'one.test' ? PROXY : undefined);
    expect(await find(['one.test', 'none.test'], { proxyFor })).toEqual([
      {
        name: 'one.test:443',
        address: { host: 'one.test', port: 443 },
        serverName: 'one.test',
        proxy: PROXY,
      },
      { name: 'none.test:443', address: { host: 'none.test', port: 443 }, serverName: 'none.test' },
    ]);
  });

  it('does not wait for a resolver for ever', async () => {
    const clock = new ManualClock();
    const found = find(['slow.test'], { clock, lookUp: () => new Promise(() => {}) });
    clock.advance(DOCTOR_LOOK_UP_MS);
    expect(await found).toMatchObject([{ address: { host: 'slow.test' } }]);
    expect(clock.pending).toBe(0);
  });

  it('refuses more than it can examine', async () => {
    await expect(find(['many.test'])).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining(`leads to ${DOCTOR_WAYS + 1} relays; at most ${DOCTOR_WAYS}`),
    });
  });
});
