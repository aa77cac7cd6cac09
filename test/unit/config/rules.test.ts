import { describe, expect, it } from 'vitest';
import { type Flags, resolveSettings } from '../../../src/config/resolve.ts';
import type { CommandName } from '../../../src/config/settings.ts';

const MACHINE = { hostname: 'node-1', stderrIsTty: false };
const CLIENT: Flags = { beaconAddress: 'relay', tlsCert: 'c', tlsKey: 'k', tlsCa: 'ca' };

const REQUIRED: Readonly<Record<CommandName, Flags>> = {
  relay: { tlsCert: 'c', tlsKey: 'k' },
  bridge: { ...CLIENT, vaultAddr: 'https://store' },
  broker: CLIENT,
};

const resolve = (command: CommandName, flags: Flags) => () =>
  resolveSettings(command, { ...REQUIRED[command], ...flags }, {}, MACHINE);

const refusal = (part: string) =>
  expect.objectContaining({ code: 'config', message: expect.stringContaining(part) });

describe('relay', () => {
  it('joins a cluster with peers and secret only', () => {
    const clusterPeer = 'a=10.0.0.1:7946,b=10.0.0.2:7946';
    expect(resolve('relay', { clusterPeer })).toThrow(refusal('--cluster-peer needs --cluster-secret-file'));
    expect(resolve('relay', { clusterPeer, clusterSecretFile: 'secret' })).not.toThrow();
    expect(resolve('relay', { clusterSecretFile: 'secret' })).not.toThrow();
  });

  it('rounds, and names more in, only those records that it writes', () => {
    const more = { connectionLogFields: 'peer,info_hash', blur: true } as const;
    expect(resolve('relay', { connectionLog: true, ...more })).not.toThrow();
    expect(resolve('relay', { connectionLogFields: 'peer' })).toThrow(refusal('needs --connection-log'));
    expect(resolve('relay', { blur: true })).toThrow(refusal('--blur needs --connection-log'));
  });

  it('has a name', () => {
    expect(resolve('relay', { nodeName: '' })).toThrow(refusal('--node-name is empty'));
    expect(resolve('relay', { nodeName: 'relay one' })).toThrow(refusal('without blanks'));
    expect(resolve('relay', { zone: 'zürich' })).toThrow(refusal('--zone'));
  });
});

describe('bridge', () => {
  it('takes a CA for the store only where it verifies the store', () => {
    expect(resolve('bridge', { vaultCa: 'ca' })).not.toThrow();
    expect(resolve('bridge', { vaultCa: 'ca', vaultAddr: 'tcp://store:1' })).toThrow(
      refusal('the client verifies'),
    );
    expect(resolve('bridge', { vaultCa: 'ca', vaultAddr: 'http://store' })).toThrow(
      refusal('no certificate'),
    );
  });
});

describe('bridge, with a next certificate', () => {
  it('needs its key, and the other way round', () => {
    expect(resolve('bridge', { tlsNextCert: 'c', tlsNextKey: 'k' })).not.toThrow();
    expect(resolve('bridge', { tlsNextCert: 'c' })).toThrow('--tls-next-cert needs --tls-next-key as well');
    expect(resolve('bridge', { tlsNextKey: 'k' })).toThrow('--tls-next-key needs --tls-next-cert as well');
  });
});

describe('bridge, with targets', () => {
  const bare = (flags: Flags, env = {}) => resolveSettings('bridge', { ...CLIENT, ...flags }, env, MACHINE);

  it('needs one, by either flag or variable', () => {
    expect(() => bare({})).toThrow(refusal('--vault-addr (or BEACON_VAULT_ADDR) or --target'));
    expect(bare({ target: 'db=tcp://a:1' }).target).toHaveLength(1);
    expect(bare({}, { BEACON_TARGET: 'db=tcp://a:1,vault=https://b' }).target).toHaveLength(2);
  });

  it('takes the store once', () => {
    expect(() => bare({ vaultAddr: 'https://a', target: 'vault=https://b' })).toThrow(refusal('short for'));
    expect(() => bare({ vaultAddr: 'https://a', target: 'db=tcp://b:1' })).not.toThrow();
  });

  it('takes a CA where any target has a certificate to verify', () => {
    const vaultCa = 'ca';
    expect(() => bare({ vaultCa, target: 'db=tcp://a:1,api=https://b' })).not.toThrow();
    expect(() => bare({ vaultCa, target: 'db=tcp://a:1' })).toThrow(refusal('needs an https:// target'));
  });
});

describe('broker', () => {
  const pair: Flags = { listenCert: 'c', listenKey: 'k' };

  it.each(['127.0.0.1:8199', '[::1]:8199', 'localhost:8199'])('serves plain HTTP on %s', (listen) => {
    expect(resolve('broker', { listen })).not.toThrow();
  });

  it.each([':8199', '0.0.0.0:8199', '[::]:8199', '10.0.0.1:8199'])(
    'needs HTTPS or a word on %s',
    (listen) => {
      expect(resolve('broker', { listen })).toThrow(
        refusal('--listen-cert and --listen-key, or --allow-http'),
      );
      expect(resolve('broker', { listen, allowHttp: true })).not.toThrow();
      expect(resolve('broker', { listen, ...pair })).not.toThrow();
    },
  );

  it('asks the same of every listener', () => {
    const listen = '127.0.0.1:8199,0.0.0.0:5432=db';
    expect(resolve('broker', { listen })).toThrow(refusal('--listen 0.0.0.0:5432 can be reached'));
    expect(resolve('broker', { listen, ...pair })).not.toThrow();
  });

  it('wants certificate and key together', () => {
    expect(resolve('broker', { listenCert: 'c' })).toThrow(refusal('--listen-cert needs --listen-key'));
    expect(resolve('broker', { listenKey: 'k' })).toThrow(refusal('--listen-key needs --listen-cert'));
  });

  it('does not guess between HTTP and HTTPS', () => {
    expect(resolve('broker', { ...pair, allowHttp: true })).toThrow(refusal('contradict'));
  });
});
