/** The tunnels of a broker: a {@link TunnelKeeper} over TLS. */

import type { RelayChoice } from '../tunnel/relay-dialer.ts';
import type { DialBridge } from './dial-bridge.ts';
import { KeptTunnel } from './kept-tunnel.ts';
import { TunnelKeeper, type TunnelKeeperOptions, type TunnelWay } from './tunnel-keeper.ts';

export interface TunnelsOptions extends Omit<TunnelKeeperOptions<KeptTunnel>, 'way'> {
  readonly dialer: RelayChoice;
  readonly dial: DialBridge;
}

export class Tunnels extends TunnelKeeper<KeptTunnel> {
  constructor(options: TunnelsOptions) {
    super({ ...options, way: wayOf(options) });
  }
}

function wayOf(options: TunnelsOptions): TunnelWay<KeptTunnel> {
  const { dialer, dial } = options;
  return {
    routes: dialer.routes,
    refresh: () => dialer.refresh(),
    async open(wish, identity, { onPaired, onChange }, signal) {
      const paired = await dial(wish, signal);
      onPaired(paired);
      return KeptTunnel.open(paired, { ...options, identity, routes: dialer.routes, onChange }, signal);
    },
  };
}
