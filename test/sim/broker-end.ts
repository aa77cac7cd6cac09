/** The broker's end of a tunnel in a run: what src/tunnel/broker-tunnel.ts is, with clients that are part of the run. */

import type { Timer } from '../../src/base/clock.ts';
import { BeaconError, type ErrorCode } from '../../src/base/errors.ts';
import type { InfoHash } from '../../src/base/info-hash.ts';
import { BROKER_STREAMS, STREAM_ACCEPT_MS } from '../../src/base/limits.ts';
import type { BrokerTunnel, Left } from '../../src/tunnel/broker-tunnel.ts';
import type { SessionStats } from '../../src/tunnel/session/types.ts';
import type { StreamPlan } from '../scenario/scenario.ts';
import type { SimLeg } from './leg.ts';
import type { MuxType } from './mux.ts';
import type { SimSession } from './session.ts';
import type { StreamEnd } from './stream-end.ts';
import { HANDSHAKE_BYTES, TunnelEnd, type TunnelHost, tunnelKey } from './tunnel-end.ts';

/** What follows from what happens to it. */
export interface BrokerEndHandler {
  /** Our end of its handshake is over. */
  onOpened(): void;
  /** Its handshake came to nothing. */
  onFailed(error: BeaconError): void;
  /** Both ends of its handshake are over: legs may attach. */
  onReady(): void;
  onLegGone(leg: SimLeg, error: BeaconError | undefined): void;
  onSuspect(): void;
  onMove(leg: SimLeg, why: 'lost' | 'stalled'): void;
  onLeave(node: string): void;
  /** A stream has ended. */
  onRoom(): void;
}

/** A stream that the bridge has not accepted yet. */
interface Asked {
  readonly end: StreamEnd;
  readonly timer: Timer;
  readonly onRefused: (code: ErrorCode) => void;
}

export class BrokerEnd
  extends TunnelEnd
  implements
    Pick<
      BrokerTunnel,
      | 'usable'
      | 'hasRoom'
      | 'left'
      | 'renewalAsked'
      | 'closed'
      | 'admitted'
      | 'close'
      | 'destroy'
      | 'infoHash'
      | 'group'
    >
{
  readonly infoHash: InfoHash;
  readonly group = undefined;
  readonly left: Promise<Left>;
  readonly renewalAsked: Promise<void>;
  readonly closed: Promise<void>;
  readonly #left = Promise.withResolvers<Left>();
  readonly #renewalAsked = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #pong = Promise.withResolvers<boolean>();
  readonly #handler: BrokerEndHandler;
  readonly #own: Buffer;
  #key: Buffer | undefined;
  #state: 'handshake' | 'opened' | 'ready' = 'handshake';
  readonly #asked = new Map<number, Asked>();
  #lastStream = 0;

  constructor(host: TunnelHost, session: SimSession, infoHash: InfoHash, handler: BrokerEndHandler) {
    super(host, session);
    this.infoHash = infoHash;
    this.#handler = handler;
    this.left = this.#left.promise;
    this.renewalAsked = this.#renewalAsked.promise;
    this.closed = this.#closed.promise;
    this.#own = host.random.bytes(HANDSHAKE_BYTES);
  }

  /** Begins the handshake, once the session has a leg. */
  begin(): void {
    this.send('hello', 0, this.#own);
  }

  get attachable(): boolean {
    return this.session.key !== undefined;
  }

  get legs(): readonly SimLeg[] {
    return this.session.legs;
  }

  get stats(): SessionStats {
    return this.session.stats;
  }

  get usable(): boolean {
    return !this.leaving && !this.over;
  }

  get hasRoom(): boolean {
    return this.usable && this.streams < BROKER_STREAMS;
  }

  /** Call only while there is room. `onRefused`: the bridge has not looked at it; the client is told by whoever has it. */
  connect(plan: StreamPlan, onRefused: (code: ErrorCode) => void): void {
    this.#lastStream += 1;
    const id = this.#lastStream;
    const end = this.addStream('client', id, plan);
    const timer = this.host.clock.after(STREAM_ACCEPT_MS, () => {
      this.send('reset', id);
      this.#refuse(id, 'timeout');
    });
    this.#asked.set(id, { end, timer, onRefused });
    this.send('open', id, Buffer.from(JSON.stringify(plan)));
  }

  async admitted(): Promise<void> {
    if (this.usable) this.send('ping');
    if (!this.usable || !(await this.#pong.promise))
      throw new BeaconError('closed', 'the bridge did not let us in', { retry: true });
  }

  close(): Promise<void> {
    this.leaving = true;
    this.#settle(() => this.endIfDone());
    return this.closed;
  }

  protected take(type: MuxType, stream: number, payload: Buffer): void {
    switch (type) {
      case 'hello':
        this.#key = tunnelKey(this.#own, payload);
        this.send('finished');
        this.#state = 'opened';
        return this.#handler.onOpened();
      case 'settings':
        if (this.#key) this.session.establish(this.#key);
        this.#state = 'ready';
        return this.#handler.onReady();
      case 'accept':
        return this.#accepted(stream);
      case 'goaway':
        return this.#onGoaway(payload.readUInt32BE(0));
      case 'renew':
        return this.#settle(() => this.#renewalAsked.resolve());
      case 'pong':
        return this.#settle(() => this.#pong.resolve(true));
      case 'reset':
        if (this.#asked.has(stream)) return this.#refuse(stream, 'closed');
        return this.takeStream(type, stream, payload);
      default:
        return this.takeStream(type, stream, payload);
    }
  }

  override onFailed(error: BeaconError): void {
    if (this.#state === 'handshake') this.#handler.onFailed(error);
    super.onFailed(error);
    this.#settle(() => this.#left.resolve('gone'));
  }

  override onEnd(): void {
    super.onEnd();
    this.#settle(() => this.#left.resolve('gone'));
  }

  override onGone(): void {
    super.onGone();
    this.breakStreams('closed');
    this.#settle(() => {
      this.#left.resolve('gone');
      this.#pong.resolve(false);
      this.#closed.resolve();
    });
  }

  override onLegGone(leg: SimLeg, error: BeaconError | undefined): void {
    this.#handler.onLegGone(leg, error);
  }

  override onSuspect(): void {
    this.#handler.onSuspect();
  }

  override onMove(leg: SimLeg, why: 'lost' | 'stalled'): void {
    this.#handler.onMove(leg, why);
  }

  override onLeave(node: string): void {
    this.#handler.onLeave(node);
  }

  protected override breakStreams(code: ErrorCode): void {
    for (const id of [...this.#asked.keys()]) this.#refuse(id, code);
    super.breakStreams(code);
  }

  protected override onStreamOver(): void {
    this.#handler.onRoom();
  }

  #accepted(id: number): void {
    const asked = this.#asked.get(id);
    if (!asked) return;
    this.#asked.delete(id);
    asked.timer.cancel();
    asked.end.start();
  }

  #refuse(id: number, code: ErrorCode): void {
    const asked = this.#asked.get(id);
    if (!asked) return;
    this.#asked.delete(id);
    asked.timer.cancel();
    this.ends.delete(id);
    asked.onRefused(code);
    this.endIfDone();
  }

  /** Streams above `last` were not looked at: they may be opened again elsewhere. */
  #onGoaway(last: number): void {
    this.leaving = true;
    this.#settle(() => this.#left.resolve('goaway'));
    for (const id of [...this.#asked.keys()]) if (id > last) this.#refuse(id, 'noTunnel');
    this.endIfDone();
  }

  /** What waits for promises goes on before the next thing happens in the run. */
  #settle(what: () => void): void {
    this.host.world.settle();
    what();
  }
}
