import { describe, expect, it } from 'vitest';
import { type Environment, type Flags, resolveSettings } from '../../../src/config/resolve.ts';

const MACHINE = { hostname: 'node-1', stderrIsTty: false };
const PAIR: Flags = { tlsCert: 'c.pem', tlsKey: 'k.pem' };

const relay = (flags: Flags = {}, env: Environment = {}, machine = MACHINE) =>
  resolveSettings('relay', { ...PAIR, ...flags }, env, machine);

const refusal = (message: string) => expect.objectContaining({ code: 'config', message });

describe('resolveSettings', () => {
  it('fills in every default', () => {
    expect(relay()).toEqual({
      addr: { host: '', port: 443 },
      tlsCert: 'c.pem',
      tlsKey: 'k.pem',
      allowFile: undefined,
      allowUnproven: false,
      nodeName: 'node-1',
      zone: '',
      drainTimeout: 60,
      clusterPeer: undefined,
      clusterSecretFile: undefined,
      clusterAddr: { host: '', port: 7_946 },
      forwardAddr: { host: '', port: 7_443 },
      clusterAdvertise: undefined,
      proxyProtocolFrom: undefined,
      healthAddr: { host: '127.0.0.1', port: 8_080 },
      adminAddr: undefined,
      logLevel: 'info',
      logFormat: 'json',
      connectionLog: false,
      connectionLogFields: undefined,
      blur: false,
    });
  });

  it('takes defaults from the machine where the table says so', () => {
    const machine = { hostname: 'n'.repeat(100), stderrIsTty: true };
    expect(relay({}, {}, machine)).toMatchObject({ nodeName: 'n'.repeat(63), logFormat: 'text' });
  });

  it('puts a flag before the environment, and that before the default', () => {
    expect(relay({}, { BEACON_ZONE: 'b' }).zone).toBe('b');
    expect(relay({ zone: 'a' }, { BEACON_ZONE: 'b' }).zone).toBe('a');
    expect(relay({ zone: '' }, { BEACON_ZONE: 'b' }).zone).toBe('');
  });

  it('does not look at a variable that a flag overrides', () => {
    expect(relay({ logLevel: 'warn' }, { BEACON_LOG_LEVEL: 'loud' }).logLevel).toBe('warn');
  });

  it('takes an empty variable for one that is not set', () => {
    expect(relay({}, { BEACON_LOG_LEVEL: '', BEACON_ALLOW_UNPROVEN: '' })).toMatchObject({
      logLevel: 'info',
      allowUnproven: false,
    });
  });

  it('reads booleans from both', () => {
    expect(relay({ allowUnproven: true }).allowUnproven).toBe(true);
    expect(relay({}, { BEACON_ALLOW_UNPROVEN: 'true' }).allowUnproven).toBe(true);
    expect(relay({ allowUnproven: true }, { BEACON_ALLOW_UNPROVEN: 'false' }).allowUnproven).toBe(true);
  });

  it('names all that is missing at once, as flag and as variable', () => {
    expect(() => resolveSettings('relay', {}, {}, MACHINE)).toThrow(
      refusal(
        "relay needs --tls-cert (or BEACON_TLS_CERT), --tls-key (or BEACON_TLS_KEY); see 'beacon relay --help'",
      ),
    );
    expect(() => resolveSettings('relay', {}, { BEACON_TLS_CERT: 'c', BEACON_TLS_KEY: '' }, MACHINE)).toThrow(
      refusal("relay needs --tls-key (or BEACON_TLS_KEY); see 'beacon relay --help'"),
    );
  });

  it('names where a bad value was written', () => {
    const expected = '"loud" is not one of debug, info, warn, error';
    expect(() => relay({ logLevel: 'loud' })).toThrow(refusal(`--log-level: ${expected}`));
    expect(() => relay({}, { BEACON_LOG_LEVEL: 'loud' })).toThrow(refusal(`BEACON_LOG_LEVEL: ${expected}`));
  });

  it('types the settings of each command', () => {
    const client: Flags = { ...PAIR, tlsCa: 'ca.pem', beaconAddress: 'a,b:8443' };
    const bridge = resolveSettings('bridge', { ...client, vaultAddr: 'https://store' }, {}, MACHINE);
    expect(bridge).toMatchObject({
      vaultAddr: { scheme: 'https', host: 'store', port: 443 },
      beaconAddress: [
        { host: 'a', port: 443 },
        { host: 'b', port: 8_443 },
      ],
      beaconPin: undefined,
      parks: 4,
    });
    const broker = resolveSettings('broker', client, {}, MACHINE);
    expect(broker).toMatchObject({
      listen: [{ host: '127.0.0.1', port: 8_199, target: 'vault' }],
      allowHttp: false,
      egress: { proxy: undefined },
    });
    expect(Object.keys(broker)).not.toContain('parks');
  });
});
