/** A tunnel to one bridge with the legs that it should have: what src/broker/kept-tunnel.ts is in a run. */
import { BeaconError } from '../../src/base/errors.ts';
import { TUNNEL_RETIRE_MS } from '../../src/base/limits.ts';
import { silentLog } from '../../src/base/log.ts';
import { LegKeeper } from '../../src/broker/leg-keeper.ts';
import { Renewal } from '../../src/broker/renewal.ts';
import type { Kept } from '../../src/broker/tunnel-keeper.ts';
import { encodeTunnelFrame, SESSION_ID_BYTES } from '../../src/tunnel/frames.ts';
import type { TunnelIdentity } from '../../src/tunnel/http2.ts';
import type { Route, Routes } from '../../src/tunnel/routes.ts';
import type { BridgeDial, PairedSimLink } from './bridge-dial.ts';
import { BrokerEnd } from './broker-end.ts';
import { rareBrokerEvents } from './client-rare.ts';
import { IMPOSTOR_BROKERS, IMPOSTOR_WITHIN_MS, poseAsBroker } from './impostor.ts';
import type { SimLeg } from './leg.ts';
import { attachLeg, beginSession, newAttach } from './open-leg.ts';
import { SimSession } from './session.ts';
import type { TunnelHost } from './tunnel-end.ts';

export interface KeptEndOptions {
  readonly host: TunnelHost;
  readonly dial: BridgeDial;
  readonly routes: Routes;
  readonly identity: TunnelIdentity;
  readonly onChange: () => void;
  readonly onRoom: () => void;
  /** It is not gone. */
  readonly onBegun: (kept: KeptEnd) => void;
}

const FIRST_LEG = 1;
/** Of so many legs the first bytes follow HELLO at once, as PROTOCOL.md lets brokers do. */
const EARLY_LEGS = 0.5;

export class KeptEnd implements Kept {
  readonly tunnel: BrokerEnd;
  readonly renewal: Renewal;
  readonly identity: TunnelIdentity;
  readonly instance: string;
  readonly #options: KeptEndOptions;
  readonly #legs: LegKeeper<SimLeg>;
  readonly #stop = new AbortController();
  readonly #opened = Promise.withResolvers<KeptEnd>();
  #lastLeg = FIRST_LEG;
  #retired = false;

  private constructor(paired: PairedSimLink, route: Route, options: KeptEndOptions) {
    const { host, routes, identity, onRoom } = options;
    const { world, clock, random, name } = host;
    this.#options = options;
    this.identity = identity;
    this.instance = paired.bridge.toString('hex');
    const moment = { now: clock.now(), wall: clock.wall() };
    this.renewal = new Renewal(random, Number.POSITIVE_INFINITY, moment);
    const id = random.bytes(SESSION_ID_BYTES);
    const session = new SimSession({ world, clock, name, role: 'broker', id });
    this.tunnel = new BrokerEnd(host, session, identity.infoHash, {
      onOpened: () => this.#settle(() => this.#opened.resolve(this)),
      onFailed: (error) => this.#settle(() => this.#opened.reject(error)),
      onReady: () => {
        this.#legs.run();
        options.onChange();
        this.#provoke(paired.bridge, route);
      },
      onLegGone: (leg, error) => this.#legs.onLegGone(leg, error),
      onSuspect: () => this.#legs.run(),
      onMove: (leg, why) => this.#legs.onMove(leg, why),
      onLeave: (node) => this.#legs.onLeave(node),
      onRoom,
    });
    const path = paired.path.map(({ node }) => node);
    beginSession(session, { id: FIRST_LEG, link: paired.link, path, clock });
    this.#legs = new LegKeeper({
      way: this.#way(),
      routes,
      bridge: paired.bridge,
      route,
      clock,
      random,
      log: silentLog,
      events: rareBrokerEvents(world),
      onChange: options.onChange,
    });
    void this.tunnel.closed.then(() => {
      this.#legs.end();
      this.#stop.abort();
    });
  }

  /** Begins a session over a link that was just paired. Rejects when its handshake comes to nothing. */
  static open(
    paired: PairedSimLink,
    route: Route,
    options: KeptEndOptions,
    signal: AbortSignal,
  ): Promise<KeptEnd> {
    const kept = new KeptEnd(paired, route, options);
    options.onBegun(kept);
    const { session } = kept.tunnel;
    const onStop = (): void => {
      for (const leg of session.legs) session.release(leg);
    };
    signal.addEventListener('abort', onStop, { once: true });
    kept.tunnel.begin();
    return kept.#opened.promise.finally(() => signal.removeEventListener('abort', onStop));
  }

  get serving(): boolean {
    return this.tunnel.usable && this.tunnel.attachable && this.tunnel.legs.length > 0;
  }

  get retired(): boolean {
    return this.#retired;
  }

  /** Into the history. */
  tell(): void {
    const { world, name: broker } = this.#options.host;
    const paths = this.tunnel.legs.map(({ path }) => path);
    const disjoint = this.#legs.redundancy.kind === 'disjoint';
    world.record({ what: 'tunnel', broker, instance: this.instance, paths, disjoint });
  }

  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    const timer = this.#options.host.clock.after(TUNNEL_RETIRE_MS, () => this.tunnel.destroy());
    void this.tunnel.close().then(() => timer.cancel());
  }

  #way(): ConstructorParameters<typeof LegKeeper<SimLeg>>[0]['way'] {
    const { tunnel } = this;
    const { host, dial } = this.#options;
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
      release: (leg) => tunnel.session.release(leg),
      open: (wish, onOpened, onFailed) => {
        const { route } = wish;
        const failed = (error: BeaconError): void => onFailed(error, route);
        const attach = newAttach(tunnel.session, host.random);
        if (!attach) return failed(new BeaconError('closed', 'the session takes no legs', { retry: true }));
        const early = host.random.fraction() < EARLY_LEGS ? encodeTunnelFrame(attach.first) : undefined;
        const onPaired = ({ link, path }: PairedSimLink): void => {
          this.#lastLeg += 1;
          const names = path.map(({ node }) => node);
          const leg = { id: this.#lastLeg, link, path: names, clock: host.clock, signal: this.#stop.signal };
          attachLeg(tunnel.session, leg, attach, early !== undefined, {
            onOpened: (opened) => onOpened({ leg: opened, route, path }),
            onFailed: failed,
          });
        };
        dial.dial(wish, this.#stop.signal, onPaired, failed, early);
      },
    };
  }

  /** An impostor beside us, maybe. It does what a broker can do that does not have the session. */
  #provoke(wanted: Buffer, route: Route): void {
    const { host, dial } = this.#options;
    const { random, clock } = host;
    if (random.fraction() >= IMPOSTOR_BROKERS) return;
    const timer = clock.after(IMPOSTOR_WITHIN_MS * random.fraction(), () => {
      const onPaired = ({ link }: PairedSimLink): void =>
        poseAsBroker(host, this.tunnel.session, { id: 0, link, path: [], clock });
      dial.dial({ route, wanted }, this.#stop.signal, onPaired, () => {});
    });
    void this.tunnel.closed.then(() => timer.cancel());
  }

  #settle(what: () => void): void {
    this.#options.host.world.settle();
    what();
  }
}
