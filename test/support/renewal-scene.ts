/** The tunnels of a broker to bridges in memory, at which each arrives as a tunnel of its own. */
import { onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { BeaconError } from '../../src/base/errors.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { BridgeWish, PairedLeg } from '../../src/broker/dial-bridge.ts';
import { Tunnels } from '../../src/broker/tunnels.ts';
import type { Link } from '../../src/net/link.ts';
import { BridgeTunnel } from '../../src/tunnel/bridge-tunnel.ts';
import type { TunnelIdentity } from '../../src/tunnel/http2.ts';
import type { Routes } from '../../src/tunnel/routes.ts';
import type { SessionStream } from '../../src/tunnel/session-stream.ts';
import { Sessions } from '../../src/tunnel/sessions.ts';
import { ManualClock } from './manual-clock.ts';
import { type MemoryLink, memoryLinks } from './memory-link.ts';
import { PuppetRelay, quiet } from './puppet-relay.ts';
import { type RecordedLine, recordingLog } from './recording-log.ts';
import { identityOf, TARGET } from './tunnels.ts';

/** Every random wait falls in the middle of its range. */
const RANDOM = { fraction: () => 0.5, bytes: (count: number) => systemRandom.bytes(count) };

export const BRIDGE = bridgeNumber(0);

/** Instance of a bridge. */
export function bridgeNumber(number: number): Buffer {
  return Buffer.alloc(16, 0xb1 + number);
}

export interface RenewalSceneOptions {
  /** Of the bridge, for each tunnel anew. */
  readonly bridge?: () => TunnelIdentity;
  readonly broker?: TunnelIdentity;
  /** Instances of the bridges there are. Default: {@link BRIDGE}. */
  readonly present?: readonly Buffer[];
  /** Addresses of relays. Default: 1. */
  readonly relays?: number;
}

/** A stream from outside: both ends, and the number of its tunnel, from 1 on. */
export interface SceneStream {
  readonly broker: Link;
  readonly bridge: Link;
  readonly at: number;
}

/** A wish for a tunnel, and when it came. */
interface TimedWish extends BridgeWish {
  readonly now: number;
}

export class RenewalScene {
  readonly clock = new ManualClock(systemClock.wall());
  readonly tunnels: Tunnels;
  readonly lines: readonly RecordedLine[];
  /** The bridge's ends, in the order in which they came up. */
  readonly bridges: BridgeTunnel[] = [];
  /** Wishes for tunnels, not those for further legs. */
  readonly wishes: TimedWish[] = [];
  /** Instances that a relay knows of; the first that fits is paired. */
  present: readonly Buffer[];
  /** Times that there was room for streams that there had not been. */
  rooms = 0;
  /** Dials fail with it while it is an error, and wait for it while it is a promise. */
  trouble: BeaconError | Promise<void> | undefined;
  /** Whether the deny list names the broker. */
  deny = false;
  readonly #relay: PuppetRelay;
  readonly #identity: () => TunnelIdentity;
  readonly #links: MemoryLink[] = [];
  /** Of each tunnel, the one it has. */
  readonly #legs: MemoryLink[] = [];
  #tunnelCount = 0;
  #arrived: Omit<SceneStream, 'broker'> | undefined;
  #arrival = Promise.withResolvers<void>();

  constructor(options: RenewalSceneOptions) {
    const { bridge, broker = identityOf('broker'), present = [BRIDGE], relays = 1 } = options;
    this.present = present;
    this.#relay = new PuppetRelay(RANDOM, relays);
    const { clock } = this;
    const { log, lines } = recordingLog();
    this.lines = lines;
    this.#identity = bridge ?? (() => identityOf('bridge'));
    this.tunnels = new Tunnels({
      dialer: this.#relay,
      dial: (wish) => this.#dial(wish),
      identity: { ...broker, clock },
      clock,
      random: RANDOM,
      log,
      onRoom: () => {
        this.rooms += 1;
      },
    });
  }

  get routes(): Routes {
    return this.#relay.routes;
  }

  warnings(): readonly string[] {
    return this.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
  }

  /** Opens a stream where the broker would. */
  async stream(): Promise<SceneStream> {
    const opened = this.tunnels.pick()?.connect(TARGET);
    if (!opened) throw new Error('no tunnel takes a stream');
    await Promise.all([opened.accepted, this.#arrival.promise]);
    this.#arrival = Promise.withResolvers();
    if (!this.#arrived) throw new Error('no stream arrived');
    return { broker: opened.link, ...this.#arrived };
  }

  /** Cuts the leg of the tunnel with this number, from 1 on. */
  cut(at: number): void {
    this.#legs[at - 1]?.reset();
  }

  async close(): Promise<void> {
    const stopping = this.tunnels.stop(Promise.resolve());
    for (const each of this.bridges) each.destroy();
    for (const link of this.#links) link.reset();
    this.#relay.close();
    await quiet();
    // What is said to an end that has gone already is waited for.
    await this.clock.advanceAsync(5_000);
    await stopping;
    await quiet();
    if (this.clock.pending > 0) throw new Error(`${this.clock.pending} timers were left behind`);
  }

  async #dial(wish: BridgeWish): Promise<PairedLeg> {
    if (wish.avoid) throw new BeaconError('avoided', 'there is one node', { retry: true });
    this.wishes.push({ ...wish, now: this.clock.now() });
    if (this.trouble instanceof BeaconError) throw this.trouble;
    await this.trouble;
    const bridge = this.present.find((each) => fits(each, wish));
    // As a relay refuses who asks for another bridge than there is.
    if (!bridge) throw new BeaconError('noBridge', 'no other', { retry: true });
    const [near, far] = memoryLinks();
    this.#links.push(near, far);
    this.#legs.push(near);
    this.#accept(far);
    return { link: near, path: [{ node: 'relay-0', zone: '' }], bridge, route: wish.route };
  }

  #accept(far: Link): void {
    this.#tunnelCount += 1;
    const at = this.#tunnelCount;
    const sessions = new Sessions({
      clock: this.clock,
      random: systemRandom,
      watcher: { onLegGone() {}, onSuspect() {}, onMove() {}, onLeave() {} },
      onLegOpened() {},
      onLegFailed() {},
      onSession: (stream) => void this.#serve(stream, at).catch(() => {}),
    });
    sessions.accept(far);
  }

  async #serve(stream: SessionStream, at: number): Promise<void> {
    const identity = { ...this.#identity(), clock: this.clock };
    const tunnel = await BridgeTunnel.accept(stream, identity, () => Promise.resolve(this.#target()), {
      onStream: (bridge) => {
        this.#arrived = { bridge, at };
        this.#arrival.resolve();
      },
      onRefused() {},
      denies: () => this.deny,
    });
    this.bridges.push(tunnel);
  }

  #target(): MemoryLink {
    const [near] = memoryLinks();
    this.#links.push(near);
    return near;
  }
}

function fits(bridge: Buffer, { wanted, except = [] }: BridgeWish): boolean {
  return wanted ? wanted.equals(bridge) : !except.some((each) => each.equals(bridge));
}

/** Closed, and checked for timers left behind, when the test has finished. */
export async function renewalScene(options: RenewalSceneOptions = {}): Promise<RenewalScene> {
  const scene = new RenewalScene(options);
  onTestFinished(() => scene.close());
  scene.tunnels.start();
  await quiet();
  return scene;
}
