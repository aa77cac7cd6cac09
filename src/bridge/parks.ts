/** The parked connections of a bridge: a {@link ParkKeeper} over TLS. */
import { asBeaconError } from '../base/errors.ts';
import type { InfoHash } from '../base/info-hash.ts';
import type { Link } from '../net/link.ts';
import type { RelayChoice } from '../tunnel/relay-dialer.ts';
import { ParkKeeper, type ParkKeeperOptions, type ParkWay } from './park-keeper.ts';
import { ParkedConnection } from './parked-connection.ts';

export interface ParksOptions extends Omit<ParkKeeperOptions<Link>, 'way'> {
  readonly dialer: RelayChoice;
  readonly infoHash: InfoHash;
  /** 16 bytes that name this process. */
  readonly instance: Buffer;
  readonly software: string;
}

export class Parks extends ParkKeeper<Link> {
  constructor(options: ParksOptions) {
    super({ ...options, way: wayOf(options) });
  }
}

function wayOf({ dialer, infoHash, instance, software, clock }: ParksOptions): ParkWay<Link> {
  const stop = new AbortController();
  return {
    routes: dialer.routes,
    refresh: (done) => void dialer.refresh().then(done),
    dial(route, onReached, onFailed) {
      dialer
        .dialRoute(route, stop.signal)
        .then(onReached, (error: unknown) => onFailed(asBeaconError(error)));
    },
    stop: () => stop.abort(),
    park: (link, handler) => new ParkedConnection(link, { infoHash, instance, software, clock }, handler),
  };
}
