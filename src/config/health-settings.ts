/** The part of the table of settings that says where a process can be looked at: see settings.ts. */
import type { Address } from '../base/address.ts';

const EVERY_DAEMON = { relay: {}, bridge: {}, broker: {} } as const;
const GROUP = 'Health:';

export interface HealthSettings {
  readonly healthAddr: Address | 'off';
  /** Default: with the health where that is on loopback or off, else a listener of its own. */
  readonly adminAddr: Address | 'off' | undefined;
}

export const HEALTH_SETTINGS = {
  healthAddr: {
    type: { kind: 'listenAddressOrOff', defaultPort: 8_080 },
    value: 'address',
    group: GROUP,
    text: 'Where /healthz, /readyz and /metrics are served over plain HTTP, as [host]:port, or off.',
    default: '127.0.0.1:8080',
    commands: EVERY_DAEMON,
  },
  adminAddr: {
    type: { kind: 'listenAddressOrOff', defaultPort: 8_081 },
    value: 'address',
    group: GROUP,
    text: 'Where `beacon status` and `beacon drain` reach this process, or off. Loopback only. Without it: at --health-addr where that is on loopback, else at 127.0.0.1:8081.',
    commands: EVERY_DAEMON,
  },
} as const;
