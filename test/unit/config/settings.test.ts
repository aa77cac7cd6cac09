import { describe, expect, expectTypeOf, it } from 'vitest';
import type { Address } from '../../../src/base/address.ts';
import type { Cidr } from '../../../src/base/cidr.ts';
import type { Egress } from '../../../src/config/egress.ts';
import {
  type BridgeSettings,
  type BrokerSettings,
  COMMANDS,
  envOf,
  flagOf,
  type RelaySettings,
  SETTINGS,
  type SettingName,
  settingsOf,
} from '../../../src/config/settings.ts';
import type { Listen } from '../../../src/config/targets.ts';
import type { VaultAddr } from '../../../src/config/vault-addr.ts';

const NAMES = Object.keys(SETTINGS) as SettingName[];

describe('names', () => {
  it('are derived from the one in the table', () => {
    expect(flagOf('tlsCert')).toBe('--tls-cert');
    expect(envOf('tlsCert')).toBe('BEACON_TLS_CERT');
    expect(flagOf('beaconInfoHash')).toBe('--beacon-info-hash');
    expect(envOf('beaconInfoHash')).toBe('BEACON_INFO_HASH');
  });

  it('are unique', () => {
    expect(new Set(NAMES.map(flagOf)).size).toBe(NAMES.length);
    expect(new Set(NAMES.map(envOf)).size).toBe(NAMES.length);
  });

  it('do not collide with the variables that Kubernetes sets for a Service called beacon', () => {
    expect(NAMES.map(envOf).filter((name) => /^BEACON_(PORT|SERVICE)(_|$)/.test(name))).toEqual([]);
  });
});

describe('the table', () => {
  it.each(COMMANDS)('is complete for %s', (command) => {
    for (const setting of settingsOf(command)) {
      expect(setting.text, setting.flag).toMatch(/\.$/);
      expect(setting.value === undefined, setting.flag).toBe(setting.type.kind === 'boolean');
      expect(setting.required && setting.default !== undefined, setting.flag).not.toBe(true);
    }
  });

  it('keeps the settings of one group together, so that help shows each heading once', () => {
    for (const command of COMMANDS) {
      const groups = settingsOf(command).map(({ group }) => group);
      const headings = groups.filter((group, at) => group !== groups[at - 1]);
      expect(new Set(headings).size, command).toBe(headings.length);
    }
  });

  it('applies what one command says differently', () => {
    const text = (command: 'relay' | 'broker') =>
      settingsOf(command).find(({ name }) => name === 'tlsCert')?.text;
    expect(text('relay')).toContain('the relay shows');
    expect(text('broker')).toContain("broker's certificate");
  });

  it('has the flags that users of such relays know', () => {
    const flags = (command: 'relay' | 'bridge' | 'broker') => settingsOf(command).map(({ flag }) => flag);
    const clients = ['--beacon-address', '--beacon-info-hash', '--tls-cert', '--tls-key', '--tls-ca'];
    expect(flags('relay')).toEqual(expect.arrayContaining(['--addr', '--tls-cert', '--tls-key']));
    expect(flags('bridge')).toEqual(expect.arrayContaining(['--vault-addr', ...clients]));
    expect(flags('broker')).toEqual(expect.arrayContaining(['--listen', '--proxy', ...clients]));
  });
});

describe('types', () => {
  it('follow from the table', () => {
    expectTypeOf<RelaySettings['addr']>().toEqualTypeOf<Address>();
    expectTypeOf<RelaySettings['allowFile']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<RelaySettings['proxyProtocolFrom']>().toEqualTypeOf<readonly Cidr[] | undefined>();
    expectTypeOf<RelaySettings['allowUnproven']>().toEqualTypeOf<boolean>();
    expectTypeOf<RelaySettings['logFormat']>().toEqualTypeOf<'json' | 'text'>();
    expectTypeOf<BridgeSettings['vaultAddr']>().toEqualTypeOf<VaultAddr | undefined>();
    expectTypeOf<BridgeSettings['egress']>().toEqualTypeOf<Egress>();
    expectTypeOf<BrokerSettings['listen']>().toEqualTypeOf<readonly Listen[]>();
    expectTypeOf<BridgeSettings['parks']>().toEqualTypeOf<number>();
    expectTypeOf<BrokerSettings['beaconAddress']>().toEqualTypeOf<readonly Address[]>();
    expectTypeOf<BrokerSettings['tlsCa']>().toEqualTypeOf<string>();
    expectTypeOf<'parks'>().not.toExtend<keyof BrokerSettings>();
    expectTypeOf<'listen'>().not.toExtend<keyof RelaySettings>();
  });
});
