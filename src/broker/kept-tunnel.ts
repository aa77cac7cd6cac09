/** A tunnel to one bridge, over TLS, with the legs that it should have. */
import type { Clock } from '../base/clock.ts';
import { asBeaconError } from '../base/errors.ts';
import { TUNNEL_RETIRE_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { BrokerTunnel, type PairedLink } from '../tunnel/broker-tunnel.ts';
import type { TunnelIdentity } from '../tunnel/http2.ts';
import type { Leg } from '../tunnel/leg.ts';
import type { LegDial, Redundancy } from '../tunnel/leg-step.ts';
import type { Routes } from '../tunnel/routes.ts';
import type { SessionWatcher } from '../tunnel/session-stream.ts';
import type { DialBridge, PairedLeg } from './dial-bridge.ts';
import type { BrokerEvents } from './events.ts';
import { LegKeeper, type LegWay, type OpenedLeg } from './leg-keeper.ts';
import { Renewal } from './renewal.ts';

export interface KeptTunnelOptions {
  readonly routes: Routes;
  readonly dial: DialBridge;
  readonly identity: TunnelIdentity;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Default: nobody counts. */
  readonly events?: BrokerEvents;
  /** It is ready, has its first leg again, or has lost its last one. */
  readonly onChange: () => void;
}

export class KeptTunnel {
  readonly tunnel: BrokerTunnel;
  /** When another one is to take its place. */
  readonly renewal: Renewal;
  /** Whom the bridge took us for. */
  readonly identity: TunnelIdentity;
  /** Instance of its bridge, 32 hex digits. */
  readonly instance: string;
  readonly #options: KeptTunnelOptions;
  readonly #legs: LegKeeper<Leg>;
  readonly #stop = new AbortController();
  #retired = false;

  private constructor(tunnel: BrokerTunnel, first: PairedLeg, options: KeptTunnelOptions) {
    const { random, clock, identity } = options;
    this.tunnel = tunnel;
    this.identity = identity;
    const notAfterMs = Math.min(tunnel.notAfterMs, identity.notAfterMs);
    this.renewal = new Renewal(random, notAfterMs, { now: clock.now(), wall: clock.wall() });
    this.instance = first.bridge.toString('hex');
    this.#options = options;
    const way = wayOf(tunnel, options.dial, this.#stop.signal);
    this.#legs = new LegKeeper({ ...options, way, bridge: first.bridge, route: first.route });
    void tunnel.ready.then(() => {
      this.#legs.run();
      options.onChange();
    });
    void tunnel.closed.then(() => {
      this.#legs.end();
      this.#stop.abort();
    });
  }

  /** Begins a session over `first`. Rejects as {@link BrokerTunnel.open}. */
  static async open(first: PairedLeg, options: KeptTunnelOptions, signal: AbortSignal): Promise<KeptTunnel> {
    const { identity, random } = options;
    let kept: KeptTunnel | undefined;
    const tell = (what: (legs: LegKeeper<Leg>) => void): void => {
      if (kept) what(kept.#legs);
    };
    const watcher: SessionWatcher = {
      onLegGone: (leg, error) => tell((legs) => legs.onLegGone(leg, error)),
      onSuspect: () => tell((legs) => legs.run()),
      onMove: (leg, why) => tell((legs) => legs.onMove(leg, why)),
      onResumed: (waitedMs) => options.events?.resumed(waitedMs),
      onLeave: (node) => tell((legs) => legs.onLeave(node)),
    };
    const onStop = (): void => first.link.reset();
    signal.addEventListener('abort', onStop, { once: true });
    try {
      const tunnel = await BrokerTunnel.open(linkOf(first), { identity, random, watcher });
      kept = new KeptTunnel(tunnel, first, options);
      return kept;
    } finally {
      signal.removeEventListener('abort', onStop);
    }
  }

  /**
   * Whether new streams are best placed here: the bridge takes them, and a leg carries them. Not before the bridge has finished the
   * handshake, a round trip after us: until then the loss of the only leg would end the streams as well.
   */
  get serving(): boolean {
    return this.tunnel.usable && this.tunnel.attachable && this.tunnel.legs.length > 0;
  }

  /** Another one has taken its place. */
  get retired(): boolean {
    return this.#retired;
  }

  /** Another one takes its place: opens no new streams, and waits for the running ones, for TUNNEL_RETIRE_MS at the most. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    const timer = this.#options.clock.after(TUNNEL_RETIRE_MS, () => this.tunnel.destroy());
    void this.tunnel.close().then(() => timer.cancel());
  }

  get redundancy(): Redundancy {
    return this.#legs.redundancy;
  }
}

function wayOf(tunnel: BrokerTunnel, dialBridge: DialBridge, signal: AbortSignal): LegWay<Leg> {
  const open = async (dial: LegDial, onReached: (paired: PairedLeg) => void): Promise<OpenedLeg<Leg>> => {
    const paired = await dialBridge(dial, signal);
    onReached(paired);
    const leg = await tunnel.attach(linkOf(paired), signal);
    return { leg, route: paired.route, path: paired.path };
  };
  return {
    get attachable() {
      return tunnel.attachable;
    },
    get legs() {
      return tunnel.legs;
    },
    get stats() {
      return tunnel.stats;
    },
    open(dial, onOpened, onFailed) {
      let { route } = dial;
      const opened = open(dial, (paired) => {
        ({ route } = paired);
      });
      opened.then(onOpened, (error: unknown) => onFailed(asBeaconError(error), route));
    },
    release: (leg) => tunnel.release(leg),
  };
}

function linkOf({ link, path }: PairedLeg): PairedLink {
  return { link, path: path.map(({ node }) => node) };
}
