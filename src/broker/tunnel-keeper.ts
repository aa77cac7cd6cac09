/**
 * Keeps the tunnels of a broker: one to each bridge that it finds, up to BROKER_TUNNELS, and another one beside it while that
 * is replaced. Finds bridges, notices when one leaves, and says where a new stream is best placed. Knows no socket: what
 * opens tunnels is a {@link TunnelWay}.
 */
import { Alarm } from '../base/alarm.ts';
import { type Clock, sleep } from '../base/clock.ts';
import { asBeaconError, BeaconError, type ErrorCode } from '../base/errors.ts';
import { BROKER_TUNNELS, FIND_BRIDGES_MS, FIND_NEXT_MS, RECONNECT_HEALTHY_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { BrokerTunnel, Left } from '../tunnel/broker-tunnel.ts';
import type { TunnelIdentity } from '../tunnel/http2.ts';
import { Reconnect, reconnectBackoff, waitAfter } from '../tunnel/reconnect.ts';
import type { Route, RouteChoice, Routes } from '../tunnel/routes.ts';
import type { PathNode } from '../wire/frames.ts';
import type { BridgeWish } from './dial-bridge.ts';
import type { BrokerEvents } from './events.ts';
import type { KeptTunnel } from './kept-tunnel.ts';
import type { Moment } from './renewal.ts';

/** What is needed of a tunnel to keep it: as {@link BrokerTunnel} has it. */
export type Tunnel = Pick<
  BrokerTunnel,
  | 'usable'
  | 'hasRoom'
  | 'streams'
  | 'infoHash'
  | 'group'
  | 'left'
  | 'renewalAsked'
  | 'closed'
  | 'admitted'
  | 'close'
  | 'destroy'
> & { readonly legs: readonly { readonly path: readonly string[] }[] };

/** As {@link KeptTunnel} has it, with a tunnel of some kind. */
export type Kept = Pick<
  KeptTunnel,
  'renewal' | 'identity' | 'instance' | 'serving' | 'retired' | 'retire'
> & { readonly tunnel: Tunnel };

/** A relay has paired us with a bridge. */
export interface PairedAt {
  /** On which the relay was reached. */
  readonly route: Route;
  readonly path: readonly PathNode[];
}

/** How tunnels come about. */
export interface TunnelWay<K extends Kept> {
  readonly routes: Routes;
  /** Looks up what is a name among the addresses. Never rejects. */
  refresh(): Promise<void>;
  /**
   * Dials a bridge and begins a session. Rejects with what the relay or the bridge says.
   *
   * @param onPaired when a relay has paired us; the session is to follow.
   * @param onChange as {@link KeptTunnelOptions} has it.
   */
  open(
    wish: BridgeWish,
    identity: TunnelIdentity,
    handlers: { readonly onPaired: (paired: PairedAt) => void; readonly onChange: () => void },
    signal: AbortSignal,
  ): Promise<K>;
}

export interface TunnelKeeperOptions<K extends Kept> {
  readonly way: TunnelWay<K>;
  readonly identity: TunnelIdentity;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Default: nobody counts. */
  readonly events?: BrokerEvents;
  /** There is room for streams that there was not. */
  readonly onRoom: () => void;
}

/** Failures that say nothing of what another relay would answer. */
const OF_ONE_RELAY: ReadonlySet<ErrorCode> = new Set(['unreachable', 'timeout', 'draining', 'rateLimit']);

export class TunnelKeeper<K extends Kept> {
  readonly #options: TunnelKeeperOptions<K>;
  #identity: TunnelIdentity;
  readonly #reconnect: Reconnect;
  readonly #stop = new AbortController();
  /** All that are not gone; those that finish their last streams too. */
  readonly #tunnels = new Set<K>();
  /** Tunnels for which another one is being opened. */
  readonly #replacements = new Map<K, Promise<void>>();
  /** The next look at which tunnels are due to be replaced. */
  readonly #renewals: Alarm;
  #finding: Promise<void> | undefined;
  /** Ends the pause of the search for bridges. */
  #wake = new AbortController();
  /** From one search that found nothing to the next, while a tunnel serves. */
  #pauseMs = FIND_NEXT_MS;
  /** No search before that time, whatever happens: bridges do not stay. */
  #notBefore = 0;

  constructor(options: TunnelKeeperOptions<K>) {
    this.#options = options;
    this.#identity = options.identity;
    this.#reconnect = new Reconnect(options.random, options.log);
    this.#renewals = new Alarm(options.clock, () => this.#renewDue());
  }

  get all(): readonly K[] {
    return [...this.#tunnels];
  }

  /** Whether a stream could be placed now, or as soon as another one has ended. */
  get connected(): boolean {
    return this.all.some(({ serving }) => serving);
  }

  start(): void {
    this.#finding ??= this.#find();
  }

  /** The least loaded tunnel that has a leg and room for a stream. */
  pick(): K['tunnel'] | undefined {
    const fit = this.all.filter(({ serving, tunnel }) => serving && tunnel.hasRoom);
    const [best] = fit.toSorted((one, other) => one.tunnel.streams - other.tunnel.streams);
    return best?.tunnel;
  }

  /**
   * For tunnels that are opened from now on; each that there is is replaced by one. One to a bridge under a CA that `identity`
   * does not accept any more is cut.
   */
  setIdentity(identity: TunnelIdentity): void {
    this.#identity = identity;
    for (const kept of this.#tunnels) this.#outdated(kept);
  }

  /** Replaces every tunnel by another one to the same bridge, which is opened first. */
  renew(): void {
    for (const kept of this.#tunnels) this.#renew(kept);
  }

  /** Opens no new streams, waits until `deadline` for the running ones, then cuts what is left. */
  async stop(deadline: Promise<void>): Promise<void> {
    this.#stop.abort();
    this.#wake.abort();
    this.#renewals.cancel();
    const closing = this.all.map(({ tunnel }) => tunnel.close());
    await Promise.race([Promise.all(closing), deadline]);
    for (const { tunnel } of this.all) tunnel.destroy();
    await Promise.all([this.#finding, ...closing, ...this.#replacements.values()]);
  }

  /** Looks for a bridge at once while none serves, and for another one now and then. */
  async #find(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const waitMs = await this.#tryOnce();
      await this.#pause(waitMs);
    }
  }

  /** Milliseconds until the next try. */
  async #tryOnce(): Promise<number> {
    const { way, log } = this.#options;
    const except = [...new Set(this.all.map(({ instance }) => instance))];
    if (except.length >= BROKER_TUNNELS) return FIND_BRIDGES_MS;
    await way.refresh();
    const choice = this.#nextRoute();
    if (choice.kind === 'wait') return choice.waitMs;
    const urgent = !this.connected;
    try {
      this.#add(await this.#open({ route: choice.route, except: except.map(instanceBytes) }));
      return this.#pauseMs;
    } catch (cause) {
      const error = asBeaconError(cause);
      if (this.#stop.signal.aborted) return 0;
      if (!urgent && this.connected) {
        log.debug(`no further bridge: ${error.message}`, { code: error.code });
        this.#pauseMs = Math.min(2 * this.#pauseMs, FIND_BRIDGES_MS);
        return this.#pauseMs;
      }
      const waitMs = this.#reconnect.failed(error, 0);
      // The address has a backoff of its own; another one may do.
      if (OF_ONE_RELAY.has(error.code)) return 0;
      log.debug('the next try for a tunnel follows', { waitMs: Math.round(waitMs) });
      return waitMs;
    }
  }

  #nextRoute(): RouteChoice {
    const { way, clock } = this.#options;
    const choice = way.routes.next(clock.now(), { need: 'any', returning: !this.connected });
    return choice.kind === 'dial' || Number.isFinite(choice.waitMs)
      ? choice
      : { ...choice, waitMs: FIND_BRIDGES_MS };
  }

  /** Rejects with what the relay or the bridge says; what that means for the route is seen to. */
  async #open(wish: BridgeWish): Promise<K> {
    const { way, clock } = this.#options;
    const { signal } = this.#stop;
    let { route } = wish;
    const onPaired = (paired: PairedAt): void => {
      ({ route } = paired);
      way.routes.paired(route, paired.path, clock.now());
    };
    try {
      return await way.open(wish, this.#identity, { onPaired, onChange: () => this.#onChange() }, signal);
    } catch (cause) {
      const error = asBeaconError(cause);
      // That there is no further bridge, or that this one has no park now, says nothing against the relay.
      const isAnswer = error.code === 'noBridge' && this.#tunnels.size > 0;
      if (isAnswer) way.routes.dropped(route);
      else if (!signal.aborted) way.routes.failed(route, error, clock.now());
      throw error;
    }
  }

  #renewDue(): void {
    const moment = this.#moment();
    for (const kept of this.#tunnels) if (kept.renewal.isDue(moment)) this.#renew(kept);
    this.#awaitRenewals();
  }

  #awaitRenewals(): void {
    const moment = this.#moment();
    const waits = this.all
      // One that takes no new streams any more is replaced by nobody: its end is near, or its bridge has left.
      .filter((kept) => !kept.retired && kept.tunnel.usable && !this.#replacements.has(kept))
      .map(({ renewal }) => renewal.waitMs(moment));
    this.#renewals.set(waits.length > 0 ? moment.now + Math.min(...waits) : undefined);
  }

  #moment(): Moment {
    const { clock } = this.#options;
    return { now: clock.now(), wall: clock.wall() };
  }

  #outdated(kept: K): void {
    if (this.#identity.accepts.includes(kept.tunnel.infoHash)) this.#renew(kept);
    else kept.tunnel.destroy();
  }

  #renew(old: K): void {
    if (old.retired || !old.tunnel.usable || this.#replacements.has(old)) return;
    const replaced = this.#replace(old).finally(() => {
      this.#replacements.delete(old);
      if (!this.#stop.signal.aborted) this.#awaitRenewals();
    });
    this.#replacements.set(old, replaced);
  }

  /** Tries until there is another tunnel to the same bridge, or no use for one. The old one serves meanwhile. */
  async #replace(old: K): Promise<void> {
    const { way, clock, random, log } = this.#options;
    const { signal } = this.#stop;
    const backoff = reconnectBackoff(random);
    while (!signal.aborted && old.tunnel.usable) {
      await way.refresh();
      const choice = this.#nextRoute();
      if (choice.kind === 'wait') {
        await sleep(clock, choice.waitMs, signal);
        continue;
      }
      try {
        const kept = await this.#open({ route: choice.route, wanted: instanceBytes(old.instance) });
        await this.#admission(kept);
        this.#add(kept);
        if (signal.aborted) return;
        log.info('a tunnel was replaced by a new one to the same bridge');
        return old.retire();
      } catch (cause) {
        const error = asBeaconError(cause);
        if (signal.aborted) return;
        log.debug(`a tunnel could not be replaced yet: ${error.message}`, { code: error.code });
        await sleep(clock, waitAfter(error, backoff.next(0)), signal);
      }
    }
  }

  /** As {@link BrokerTunnel.admitted}; does not outlive {@link stop}. */
  async #admission({ tunnel }: K): Promise<void> {
    const { signal } = this.#stop;
    const onStop = (): void => tunnel.destroy();
    signal.addEventListener('abort', onStop, { once: true });
    if (signal.aborted) onStop();
    await tunnel.admitted().finally(() => signal.removeEventListener('abort', onStop));
  }

  #add(kept: K): void {
    const { clock, onRoom, events } = this.#options;
    const { tunnel } = kept;
    if (this.#stop.signal.aborted) return tunnel.destroy();
    this.#tunnels.add(kept);
    events?.tunnelUp();
    if (tunnel.group !== undefined) events?.negotiated('tunnel', tunnel.group);
    const since = clock.now();
    // Where there are two bridges, the second is wanted before the first one is stopped.
    this.#pauseMs = FIND_NEXT_MS;
    void this.#welcome(tunnel);
    void tunnel.left.then((reason) => {
      events?.tunnelLeft(reason);
      if (!kept.retired) this.#onLeft(reason, clock.now() - since);
    });
    void tunnel.renewalAsked.then(() => {
      kept.renewal.ask(this.#moment());
      this.#awaitRenewals();
    });
    void tunnel.closed.then(() => {
      this.#tunnels.delete(kept);
      this.#awaitRenewals();
      this.#onChange();
    });
    // Its handshake began before our certificate was changed.
    if (kept.identity !== this.#identity) this.#outdated(kept);
    this.#awaitRenewals();
    // Else it says so when it is ready.
    if (kept.serving) onRoom();
  }

  /** Streams may use a tunnel as soon as it serves. But a bridge that denies us says so after its handshake: until then it is not up. */
  async #welcome(tunnel: Tunnel): Promise<void> {
    const path = tunnel.legs.flatMap((leg) => leg.path).join(', ');
    try {
      await tunnel.admitted();
    } catch {
      // What became of it is told by what it left for.
      return;
    }
    this.#reconnect.succeeded();
    this.#options.log.info('a tunnel to the bridge is up', { path });
  }

  #onLeft(reason: Left, livedMs: number): void {
    if (this.#stop.signal.aborted) return;
    // It may have been started again, or another in its place.
    this.#pauseMs = FIND_NEXT_MS;
    this.#wake.abort();
    // The bridge leaves in good order: another may be there already. One that never stays is left to the backoff.
    if (reason === 'goaway' && livedMs >= RECONNECT_HEALTHY_MS) return this.#onChange();
    this.#notBefore = this.#options.clock.now() + this.#reconnect.failed(lossOf(reason), livedMs);
    this.#onChange();
  }

  /** A tunnel has a leg again, or none any more. */
  #onChange(): void {
    if (this.#stop.signal.aborted) return;
    if (this.connected) this.#options.onRoom();
    else this.#wake.abort();
  }

  async #pause(waitMs: number): Promise<void> {
    const { clock } = this.#options;
    await sleep(clock, waitMs, this.#wake.signal);
    await sleep(clock, Math.max(0, this.#notBefore - clock.now()), this.#stop.signal);
    // Whatever happened until now, the search that follows looks at it.
    this.#wake = new AbortController();
  }
}

function instanceBytes(instance: string): Buffer {
  return Buffer.from(instance, 'hex');
}

/** What it means that a tunnel was lost, for the log and the backoff. */
function lossOf(reason: Left): BeaconError {
  switch (reason) {
    case 'goaway':
    case 'gone':
      return new BeaconError('closed', 'a tunnel is gone; building another', { retry: true });
    case 'denied':
      return new BeaconError(
        'untrusted',
        "the bridge has this broker's certificate in its --deny-cert-file; get another one ('beacon certs issue')",
      );
    case 'expired':
      return new BeaconError(
        'untrusted',
        "the bridge's certificate has expired; its operator is to renew it ('beacon certs renew')",
      );
  }
}
