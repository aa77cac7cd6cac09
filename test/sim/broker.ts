/** A broker of a run: what src/broker/broker.ts is, over the simulated network; its clients are part of it. */
import type { Timer } from '../../src/base/clock.ts';
import type { ErrorCode } from '../../src/base/errors.ts';
import { STOP_GRACE_MS, STREAM_WAIT_MS, WAITING_STREAMS } from '../../src/base/limits.ts';
import type { BridgeWish } from '../../src/broker/dial-bridge.ts';
import { TunnelKeeper, type TunnelWay } from '../../src/broker/tunnel-keeper.ts';
import type { TunnelIdentity } from '../../src/tunnel/http2.ts';
import { INSTANCE_BYTES } from '../../src/wire/frames.ts';
import type { StreamPlan } from '../scenario/scenario.ts';
import { BridgeDial, type PairedSimLink } from './bridge-dial.ts';
import type { BrokerEnd } from './broker-end.ts';
import type { SimBrokerClient, SimClientOptions } from './client.ts';
import { rareBrokerEvents, rareBrokerLog } from './client-rare.ts';
import { KeptEnd } from './kept-end.ts';
import { RelayWay } from './relay-way.ts';
import type { TunnelHost } from './tunnel-end.ts';

export class SimBroker implements SimBrokerClient {
  readonly #options: SimClientOptions;
  readonly #host: TunnelHost;
  readonly #way: RelayWay;
  readonly #dial: BridgeDial;
  readonly #tunnels: TunnelKeeper<KeptEnd>;
  /** All that are not gone, those in their handshake included. */
  readonly #ends = new Set<BrokerEnd>();
  /** Clients that wait for a tunnel. */
  readonly #waiting = new Map<StreamPlan, Timer>();
  #stopped = false;

  constructor(options: SimClientOptions) {
    const { world, clock, name } = options;
    const { random } = world;
    this.#options = options;
    this.#host = { world, clock, random, name, impostors: new Set() };
    this.#way = new RelayWay(options, random);
    this.#dial = new BridgeDial(options, this.#way, random.bytes(INSTANCE_BYTES));
    this.#tunnels = new TunnelKeeper({
      way: this.#tunnelWay(),
      identity: this.#identity(),
      clock,
      random,
      log: rareBrokerLog(world),
      events: rareBrokerEvents(world),
      onRoom: () => this.#serveWaiting(),
    });
    world.settle();
    this.#tunnels.start();
  }

  /** A client comes. */
  open(plan: StreamPlan): void {
    const { world, authority, name } = this.#options;
    world.record({ what: 'opened', stream: plan.stream, broker: name, infoHash: authority.infoHash });
    this.#place(plan);
  }

  tellTunnels(): void {
    for (const kept of this.#tunnels.all) if (kept.serving && !kept.retired) kept.tell();
  }

  stop(onStopped: () => void): void {
    if (this.#stopped) return;
    this.#stopped = true;
    const { clock } = this.#options;
    const { world } = this.#host;
    for (const plan of this.#waiting.keys()) this.#turnAway(plan, 'closed');
    const deadline = Promise.withResolvers<void>();
    const timer = clock.after(STOP_GRACE_MS, () => deadline.resolve());
    world.settle();
    void this.#tunnels.stop(deadline.promise).then(() => {
      timer.cancel();
      this.#way.stop();
      for (const leg of this.#host.impostors) leg.reset();
      onStopped();
    });
  }

  kill(): void {
    this.#stopped = true;
    this.#way.stop();
    for (const plan of this.#waiting.keys()) this.#turnAway(plan, 'closed');
    for (const tunnel of this.#ends) tunnel.killed();
  }

  renew(): void {
    if (this.#stopped) return;
    this.#host.world.settle();
    this.#way.renew();
    this.#tunnels.setIdentity(this.#identity());
  }

  held(): { readonly sessions: number; readonly streams: number } {
    const streams = [...this.#ends].reduce((sum, tunnel) => sum + tunnel.streams, 0);
    return { sessions: this.#ends.size, streams: streams + this.#waiting.size };
  }

  #tunnelWay(): TunnelWay<KeptEnd> {
    const { routes } = this.#way;
    return {
      routes,
      refresh: () => Promise.resolve(),
      open: async (wish, identity, { onPaired, onChange }, signal) => {
        const paired = await this.#paired(wish, signal);
        const { route } = wish;
        onPaired({ route, path: paired.path });
        const [host, dial] = [this.#host, this.#dial];
        const onRoom = (): void => this.#serveWaiting();
        const onBegun = ({ tunnel }: KeptEnd): void => {
          this.#ends.add(tunnel);
          void tunnel.closed.then(() => this.#ends.delete(tunnel));
        };
        return KeptEnd.open(
          paired,
          route,
          { host, dial, routes, identity, onChange, onRoom, onBegun },
          signal,
        );
      },
    };
  }

  #paired(wish: BridgeWish, signal: AbortSignal): Promise<PairedSimLink> {
    const { world } = this.#host;
    return new Promise((resolve, reject) =>
      this.#dial.dial(
        wish,
        signal,
        (paired) => {
          world.settle();
          resolve(paired);
        },
        (error) => {
          world.settle();
          reject(error);
        },
      ),
    );
  }

  /** Only what is looked at in a run: certificates are for relays, and the tunnels of a run trust each other. */
  #identity(): TunnelIdentity {
    const { clock, authority } = this.#options;
    const { infoHash } = authority;
    const never = Number.POSITIVE_INFINITY;
    return { certPem: '', keyPem: '', caPem: '', infoHash, accepts: [infoHash], notAfterMs: never, clock };
  }

  // ---- clients: as src/broker/clients.ts

  #place(plan: StreamPlan): void {
    if (this.#stopped) return this.#fail(plan, 'closed');
    const tunnel = this.#tunnels.pick();
    if (tunnel) return this.#connect(plan, tunnel);
    if (this.#waiting.size >= WAITING_STREAMS) return this.#fail(plan, 'noTunnel');
    this.#host.world.reached('broker: a client waits for a tunnel');
    const timer = this.#options.clock.after(STREAM_WAIT_MS, () => {
      this.#host.world.reached('broker: a client is turned away');
      this.#turnAway(plan, 'noTunnel');
    });
    this.#waiting.set(plan, timer);
  }

  #serveWaiting(): void {
    for (const plan of this.#waiting.keys()) {
      const tunnel = this.#tunnels.pick();
      if (!tunnel) return;
      this.#forget(plan);
      this.#connect(plan, tunnel);
    }
  }

  #connect(plan: StreamPlan, tunnel: BrokerEnd): void {
    tunnel.connect(plan, (code) => {
      // Once for each tunnel: a bridge that is up and takes no streams is not asked again and again.
      if (code === 'noTunnel' && !tunnel.usable) {
        this.#host.world.reached('broker: a stream is placed again');
        return this.#place(plan);
      }
      this.#fail(plan, code);
      this.#serveWaiting();
    });
  }

  #turnAway(plan: StreamPlan, code: ErrorCode): void {
    this.#forget(plan);
    this.#fail(plan, code);
  }

  #forget(plan: StreamPlan): void {
    this.#waiting.get(plan)?.cancel();
    this.#waiting.delete(plan);
  }

  #fail({ stream }: StreamPlan, code: ErrorCode): void {
    this.#host.world.record({ what: 'failed', stream, side: 'client', code });
  }
}
