import { expect, it } from 'vitest';
import { DOCTOR_SETTINGS, doctorSettings } from '../../../src/config/doctor-settings.ts';

const MACHINE = { hostname: 'node-1', stderrIsTty: false };

it('go by the flags and variables of a broker', () => {
  expect(DOCTOR_SETTINGS.map(({ flag, env }) => [flag, env])).toEqual([
    ['--beacon-address', 'BEACON_ADDRESS'],
    ['--beacon-ca', 'BEACON_CA'],
    ['--beacon-pin', 'BEACON_PIN'],
    ['--proxy', 'BEACON_PROXY'],
    ['--proxy-password-file', 'BEACON_PROXY_PASSWORD_FILE'],
  ]);
  const env = {
    BEACON_ADDRESS: 'a.test',
    BEACON_CA: 'ca.crt',
    HTTPS_PROXY: 'http://p.test:1',
    NO_PROXY: 'a.test',
  };
  expect(doctorSettings({ beaconAddress: 'b.test:8443,c.test' }, env, MACHINE)).toMatchObject({
    beaconAddress: [
      { host: 'b.test', port: 8_443 },
      { host: 'c.test', port: 443 },
    ],
    beaconCa: 'ca.crt',
    beaconPin: undefined,
    egress: { proxy: { host: 'p.test', port: 1 }, noProxy: [{ host: 'a.test' }] },
  });
});

it.each([
  [{}, /^doctor needs --beacon-address \(or BEACON_ADDRESS\); see 'beacon doctor --help'$/],
  [{ beaconAddress: 'a:b' }, /^--beacon-address: /],
  [{ beaconAddress: 'a', beaconPin: 'x' }, /^--beacon-pin: /],
  [{ beaconAddress: 'a', proxy: 'ftp://x' }, /^--proxy: /],
])('refuse %o', (flags, message) => {
  expect(() => doctorSettings(flags, {}, MACHINE)).toThrow(
    expect.objectContaining({ code: 'config', message: expect.stringMatching(message) }),
  );
});
