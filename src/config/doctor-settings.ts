/** The settings of the table that `beacon doctor` shares with bridge and broker, so that it goes the way that they go. */
import type { Address } from '../base/address.ts';
import type { Pin } from '../base/pin.ts';
import { type Egress, egressOf } from './egress.ts';
import type { ProxyUrl } from './proxy-url.ts';
import { type Environment, type Flags, resolveTable } from './resolve.ts';
import { type CommandSetting, type Machine, settingsOf } from './settings.ts';

export interface DoctorSettings {
  readonly beaconAddress: readonly Address[];
  readonly beaconCa: string | undefined;
  readonly beaconPin: readonly Pin[] | undefined;
  readonly egress: Egress;
}

const NAMES: readonly string[] = ['beaconAddress', 'beaconCa', 'beaconPin', 'proxy', 'proxyPasswordFile'];

/** With the flags, variables and texts that a broker has them by. */
export const DOCTOR_SETTINGS: readonly CommandSetting[] = settingsOf('broker')
  .filter(({ name }) => NAMES.includes(name))
  .map((setting) =>
    setting.name === 'beaconAddress'
      ? {
          ...setting,
          text: 'Relays to examine, as host or host:port; of a name with several IP addresses each one. The port is 443 where none is given.',
        }
      : setting,
  );

/** As resolveSettings. Throws `config`. */
export function doctorSettings(flags: Flags, env: Environment, machine: Machine): DoctorSettings {
  const values = resolveTable('doctor', DOCTOR_SETTINGS, flags, env, machine) as unknown as Omit<
    DoctorSettings,
    'egress'
  > & { readonly proxy: ProxyUrl | undefined; readonly proxyPasswordFile: string | undefined };
  return { ...values, egress: egressOf(values, env) };
}
