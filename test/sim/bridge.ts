/** A bridge of a run: what src/bridge/bridge.ts and src/tunnel/sessions.ts are, over the simulated network. */
import { Alarm } from '../../src/base/alarm.ts';
import type { Timer } from '../../src/base/clock.ts';
import { BeaconError } from '../../src/base/errors.ts';
import { BRIDGE_TUNNELS, PARKS_DEFAULT, STOP_GRACE_MS } from '../../src/base/limits.ts';
import { silentLog } from '../../src/base/log.ts';
import { integerBelow } from '../../src/base/random.ts';
import { LeavePlan } from '../../src/bridge/leave-plan.ts';
import { type ParkConnection, type ParkHandler, ParkKeeper } from '../../src/bridge/park-keeper.ts';
import { ParkTalk } from '../../src/bridge/park-talk.ts';
import { encodeTunnelFrame, MAC_BYTES, NONCE_BYTES, type TunnelFrame } from '../../src/tunnel/frames.ts';
import { BridgeAttach } from '../../src/tunnel/session/attach.ts';
import { INSTANCE_BYTES, type RelayFrame } from '../../src/wire/frames.ts';
import { BridgeEnd } from './bridge-end.ts';
import type { SimClient, SimClientOptions } from './client.ts';
import { IMPOSTOR_BRIDGES, poseAsBridge } from './impostor.ts';
import type { SimLeg } from './leg.ts';
import type { Message } from './message.ts';
import type { SimLink } from './net.ts';
import { carryOut, openLeg } from './open-leg.ts';
import { RelayWay } from './relay-way.ts';
import { SimSession } from './session.ts';
import type { TunnelHost } from './tunnel-end.ts';

const SOFTWARE = 'sim/1';
const UNKNOWN = { received: 0, acked: 0 };

interface Served {
  readonly session: SimSession;
  readonly tunnel: BridgeEnd;
}

export class SimBridge implements SimClient {
  readonly #options: SimClientOptions;
  readonly #host: TunnelHost;
  readonly #instance: Buffer;
  readonly #way: RelayWay;
  readonly #parks: ParkKeeper<SimLink<Message>>;
  readonly #leaves: LeavePlan<SimSession>;
  readonly #leaveAlarm: Alarm;
  /** By session. */
  readonly #served = new Map<string, Served>();
  /** Legs that have no session yet. */
  #opening = 0;
  #lastLeg = 0;
  readonly #stop = new AbortController();
  #onStopped: (() => void) | undefined;
  #grace: Timer | undefined;
  #dead = false;

  constructor(options: SimClientOptions) {
    const { world, clock, name } = options;
    const { random } = world;
    this.#options = options;
    this.#host = { world, clock, random, name, impostors: new Set() };
    this.#instance = random.bytes(INSTANCE_BYTES);
    this.#way = new RelayWay(options, random);
    this.#leaves = new LeavePlan(random);
    this.#leaveAlarm = new Alarm(clock, () => this.#leave());
    this.#parks = new ParkKeeper({
      way: {
        routes: this.#way.routes,
        refresh: (done) => done(),
        dial: (route, onReached, onFailed) =>
          this.#way.dial(route, (link) => onReached({ link, route }), onFailed),
        stop: () => this.#way.stop(),
        park: (link, handler) => this.#park(link, handler),
      },
      least: PARKS_DEFAULT,
      room: () => BRIDGE_TUNNELS - this.#opening,
      clock,
      random,
      log: silentLog,
      onPaired: (link, node) => this.#accept(link, node),
      onDraining: (node) => this.#onDraining(node),
      onParked: (node) => this.#leaves.back(node),
    });
    this.#parks.fill();
  }

  stop(onStopped: () => void): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#onStopped = onStopped;
    this.#parks.stop();
    this.#leaveAlarm.cancel();
    for (const { tunnel } of this.#all) {
      if (tunnel.up) tunnel.close();
      else tunnel.destroy();
    }
    this.#grace = this.#options.clock.after(STOP_GRACE_MS, () => {
      for (const { tunnel } of this.#all) tunnel.destroy();
    });
    this.#tellIfStopped();
  }

  kill(): void {
    this.#dead = true;
    this.#way.stop();
    for (const { tunnel } of this.#all) tunnel.killed();
  }

  renew(): void {
    if (this.#stop.signal.aborted) return;
    this.#way.renew();
    for (const { tunnel } of this.#all) if (tunnel.up) tunnel.askRenewal();
    this.#parks.renew();
  }

  held(): { readonly sessions: number; readonly streams: number } {
    const streams = this.#all.reduce((sum, { tunnel }) => sum + tunnel.streams, 0);
    return { sessions: this.#served.size, streams };
  }

  get #all(): readonly Served[] {
    return [...this.#served.values()];
  }

  // ---- parks

  #park(link: SimLink<Message>, handler: ParkHandler<SimLink<Message>>): ParkConnection {
    const { clock, authority } = this.#options;
    const options = {
      infoHash: authority.infoHash,
      instance: this.#instance,
      software: SOFTWARE,
      clock,
    };
    const talk = new ParkTalk(options, {
      send: (frame) => this.#way.hello(link, 'bridge', frame),
      onParked: (parked) => handler.onParked(parked),
      onLeave: () => handler.onLeave(),
      onDraining: (node) => handler.onDraining(node),
      onPaired: () => handler.onPaired(link),
      onEnd(error, parkedMs) {
        link.close();
        handler.onEnd(error, parkedMs);
      },
    });
    const cut = (): void =>
      talk.end(new BeaconError('closed', 'the relay closed a parked connection', { retry: true }));
    talk.start();
    // Not before the keeper knows of it.
    clock.after(0, () =>
      link.handle({
        onMessage(message) {
          if ('frame' in message) talk.take(message.frame as RelayFrame);
          else if ('fin' in message) cut();
        },
        onEnd: cut,
      }),
    );
    return {
      get parked() {
        return talk.parked;
      },
      close() {
        if (talk.done) return;
        talk.stop();
        link.close();
      },
    };
  }

  // ---- legs

  #accept(link: SimLink<Message>, node: string): void {
    const { clock } = this.#options;
    let attach: { readonly step: BridgeAttach; readonly session: SimSession | undefined } | undefined;
    this.#lastLeg += 1;
    this.#opening += 1;
    const settled = (): void => {
      this.#opening -= 1;
      this.#parks.fill();
    };
    openLeg(
      { id: this.#lastLeg, link, path: [node], clock, signal: this.#stop.signal },
      (each, frame) => {
        if (attach) return carryOut(each, attach.step.take(frame), attach.session);
        if (frame.type === 'new') {
          this.#begin(each, frame.session);
          return true;
        }
        const known = this.#sessionOf(frame);
        // Only where it has another leg: nobody is to wait for one because of it.
        if (known?.legs.length && integerBelow(this.#host.random, IMPOSTOR_BRIDGES) === 0) {
          poseAsBridge(this.#host, known, each);
          return true;
        }
        attach = this.#challenge(each, frame);
        return false;
      },
      { onOpened: settled, onFailed: settled },
    );
  }

  #begin(leg: SimLeg, id: Buffer): void {
    const key = id.toString('hex');
    if (this.#served.has(key)) throw new BeaconError('malformed', 'a session was begun twice');
    const { world, clock, name, authority } = this.#options;
    const session = new SimSession({ world, clock, name, role: 'bridge', id });
    const tunnel = new BridgeEnd(this.#host, session, authority.infoHash, {
      onUp: () => this.#parks.fill(),
      onGone: () => this.#gone(key),
    });
    this.#served.set(key, { session, tunnel });
    session.attach(leg, 0, 0);
  }

  #gone(key: string): void {
    const served = this.#served.get(key);
    this.#served.delete(key);
    if (served) this.#leaves.forget(served.session);
    this.#parks.fill();
    this.#tellIfStopped();
  }

  #tellIfStopped(): void {
    if (!this.#onStopped || this.#dead || this.#served.size > 0) return;
    const onStopped = this.#onStopped;
    this.#grace?.cancel();
    for (const leg of this.#host.impostors) leg.reset();
    this.#onStopped = undefined;
    onStopped();
  }

  #challenge(leg: SimLeg, frame: TunnelFrame): { step: BridgeAttach; session: SimSession | undefined } {
    if (frame.type !== 'attach') throw new BeaconError('malformed', `a leg began with ${frame.type}`);
    const { random } = this.#host;
    const session = this.#sessionOf(frame);
    const step = new BridgeAttach(
      {
        session: frame.session,
        key: session?.key ?? random.bytes(MAC_BYTES),
        nonce: random.bytes(NONCE_BYTES),
        standing: () => session?.standing ?? UNKNOWN,
      },
      frame.nonce,
    );
    leg.write([encodeTunnelFrame(step.first)]);
    return { step, session };
  }

  #sessionOf(frame: TunnelFrame): SimSession | undefined {
    return frame.type === 'attach' ? this.#served.get(frame.session.toString('hex'))?.session : undefined;
  }

  // ---- nodes that drain

  #onDraining(node: string): void {
    const { clock } = this.#options;
    const sessions = this.#all.map(({ session }) => session);
    for (const session of this.#leaves.heard(node, sessions, clock.now())) session.leave(node);
    this.#leave();
  }

  #leave(): void {
    const now = this.#options.clock.now();
    const hosts = this.#way.routes.nodes.hosts(now).size;
    for (const { session, node } of this.#leaves.due(hosts, now)) session.leave(node);
    if (!this.#stop.signal.aborted) this.#leaveAlarm.set(this.#leaves.next(hosts));
  }
}
