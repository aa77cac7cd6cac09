/** `beacon bridge` from its settings: what it refuses to start with, and that it stops and leaves nothing. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../../../src/base/log.ts';
import { startBridge } from '../../../src/bridge/daemon.ts';
import { resolveSettings } from '../../../src/config/resolve.ts';
import type { BridgeSettings } from '../../../src/config/settings.ts';
import { startRelay } from '../../../src/relay/daemon.ts';
import { makePki, writePki } from '../../support/certificates.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';

checkLeaks();

let directory = '';
const file = (name: string): string => join(directory, name);

beforeAll(() => {
  directory = writePki(mkdtempSync(join(tmpdir(), 'beacon-test-')));
  writeFileSync(file('empty.crt'), '');
  writePki(file('next'), NEXT);
  writeFileSync(file('both.crt'), makePki().bridgeCa.certificate + NEXT.bridgeCa.certificate);
  writeFileSync(file('oops'), 'oops\n');
  writeFileSync(file('denied'), `${'ab'.repeat(32)}\n`);
});
afterAll(() => rmSync(directory, { recursive: true }));

const NEXT = makePki({ fresh: true });
const MACHINE = { hostname: 'test', stderrIsTty: false };

function settings(port: number, flags: Readonly<Record<string, string>> = {}): BridgeSettings {
  const given = {
    vaultAddr: 'https://127.0.0.1:9',
    beaconAddress: `127.0.0.1:${port}`,
    beaconCa: file('relay-ca.crt'),
    tlsCert: file('bridge.crt'),
    tlsKey: file('bridge.key'),
    tlsCa: file('bridge-ca.crt'),
    parks: '2',
    ...flags,
  };
  return resolveSettings('bridge', { healthAddr: 'off', ...given }, {}, MACHINE);
}

describe('the bridge daemon', () => {
  it('parks at a relay and stops', async () => {
    const flags = { addr: '127.0.0.1:0', tlsCert: file('relay.crt'), tlsKey: file('relay.key') };
    const relay = await startRelay(
      resolveSettings('relay', { healthAddr: 'off', ...flags }, {}, MACHINE),
      silentLog,
    );
    const { bridge, stop } = await startBridge(settings(relay.address.port), silentLog);
    await settled(() => bridge.parked === 2, 100_000);
    expect(bridge.parked).toBe(2);
    await stop();
    expect(bridge.parked).toBe(0);
    await relay.stop();
  });

  it('parks under both hashes while the CA is changed, as two bridges, and stops both', async () => {
    const flags = { addr: '127.0.0.1:0', tlsCert: file('relay.crt'), tlsKey: file('relay.key') };
    writeFileSync(file('allowed'), `${makePki().infoHash}\n${NEXT.infoHash}\n`);
    const relaySettings = resolveSettings(
      'relay',
      { healthAddr: 'off', ...flags, allowFile: file('allowed') },
      {},
      MACHINE,
    );
    const relay = await startRelay(relaySettings, silentLog);
    const pair = { tlsNextCert: file('next/bridge.crt'), tlsNextKey: file('next/bridge.key') };
    const { bridges, stop } = await startBridge(
      settings(relay.address.port, { ...pair, tlsCa: file('both.crt'), denyCertFile: file('denied') }),
      silentLog,
    );
    const parked = (): number[] => bridges.map((bridge) => bridge.parked);
    await settled(() => parked().join() === '2,2', 100_000);
    expect(parked()).toEqual([2, 2]);
    await stop();
    expect(parked()).toEqual([0, 0]);
    await relay.stop();
  });

  it('refuses a next certificate of the same CA, and one of a CA that is not in --tls-ca', async () => {
    const same = { tlsNextCert: file('bridge.crt'), tlsNextKey: file('bridge.key') };
    await expect(startBridge(settings(9, same), silentLog)).rejects.toMatchObject({
      code: 'config',
      message: expect.stringMatching(/^--tls-next-cert .* comes from the same CA as --tls-cert/),
    });
    const other = { tlsNextCert: file('next/bridge.crt'), tlsNextKey: file('next/bridge.key') };
    await expect(startBridge(settings(9, other), silentLog)).rejects.toMatchObject({
      code: 'config',
      message: expect.stringMatching(/^--tls-next-cert .* is no proof for this CA/),
    });
  });

  it('runs, and stops, without a relay', async () => {
    const { bridge, stop } = await startBridge(settings(9), silentLog);
    expect(bridge.parked).toBe(0);
    await stop();
  });

  it.each([
    ['vaultCa', 'missing.crt', /--vault-ca/],
    ['vaultCa', 'empty.crt', /--vault-ca/],
    ['tlsCert', 'broker.crt', /--tls-/],
    ['tlsCa', 'empty.crt', /--tls-ca/],
    ['denyCertFile', 'oops', /^--deny-cert-file: .*oops, line 1: not a fingerprint/],
    ['denyCertFile', 'missing', /^--deny-cert-file: .* does not exist/],
  ] as const)('does not start with a bad %s', async (flag, name, text) => {
    const starting = startBridge(settings(9, { [flag]: file(name) }), silentLog);
    await expect(starting).rejects.toMatchObject({ code: 'config', message: expect.stringMatching(text) });
  });
});
