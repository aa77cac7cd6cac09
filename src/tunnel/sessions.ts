/** The sessions of a bridge, by the ids that brokers chose, and the legs that are on their way to one. */
import type { Clock } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import { BRIDGE_TUNNELS } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { Link } from '../net/link.ts';
import { encodeTunnelFrame, MAC_BYTES, NONCE_BYTES, type TunnelFrame } from './frames.ts';
import type { Leg } from './leg.ts';
import { carryOut, openLeg } from './open-leg.ts';
import { BridgeAttach } from './session/attach.ts';
import type { LegId, SessionStats } from './session/types.ts';
import { SessionStream, type SessionWatcher } from './session-stream.ts';

export interface SessionsOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** A session that a broker has begun: its inner handshake is to follow. */
  readonly onSession: (stream: SessionStream) => void;
  /** A leg has found its session, or comes to nothing: there is room for another. */
  readonly onLegOpened: () => void;
  /** A leg that came to nothing; for the log. */
  readonly onLegFailed: (error: BeaconError) => void;
  /** For each session. */
  readonly watcher: SessionWatcher;
}

const UNKNOWN = { received: 0, acked: 0 };

export class Sessions {
  readonly #options: SessionsOptions;
  readonly #sessions = new Map<string, SessionStream>();
  readonly #stop = new AbortController();
  #opening = 0;
  #lastLeg: LegId = 0;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** Those in their inner handshake included. BRIDGE_TUNNELS at the most. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Of each of them. */
  get stats(): readonly SessionStats[] {
    return [...this.#sessions.values()].map((stream) => stream.stats);
  }

  /** Legs that have not said yet which session they are for, or not proved it; each for LEG_OPENING_MS at the most. */
  get opening(): number {
    return this.#opening;
  }

  get all(): readonly SessionStream[] {
    return [...this.#sessions.values()];
  }

  /** Takes over a link whose pairing was just accepted. `path`: the nodes that it is known to cross. */
  accept(link: Link, path: readonly string[] = []): void {
    let attach: { readonly step: BridgeAttach; readonly stream: SessionStream | undefined } | undefined;
    this.#lastLeg += 1;
    const { clock, onLegFailed } = this.#options;
    const options = { id: this.#lastLeg, link, path, clock, signal: this.#stop.signal };
    const { opened } = openLeg(options, (leg, frame) => {
      if (attach) return carryOut(leg, attach.step.take(frame), attach.stream);
      if (frame.type === 'new') {
        this.#begin(leg, frame.session);
        return true;
      }
      attach = this.#challenge(leg, frame);
      return false;
    });
    this.#opening += 1;
    const settled = (): void => {
      this.#opening -= 1;
      this.#options.onLegOpened();
    };
    opened.then(settled, (error: BeaconError) => {
      if (!this.#stop.signal.aborted) onLegFailed(error);
      settled();
    });
  }

  /** Cuts the legs that have no session yet, and takes no more. */
  close(): void {
    this.#stop.abort();
  }

  #begin(leg: Leg, id: Buffer): void {
    const key = id.toString('hex');
    if (this.#sessions.has(key)) throw new BeaconError('malformed', 'a session was begun twice');
    if (this.#sessions.size >= BRIDGE_TUNNELS)
      throw new BeaconError('tooMany', 'this bridge has too many tunnels');
    const { clock, watcher, onSession } = this.#options;
    const stream = new SessionStream({ role: 'bridge', id, clock, watcher });
    this.#sessions.set(key, stream);
    void stream.gone.then(() => this.#sessions.delete(key));
    stream.attach(leg, 0, 0);
    onSession(stream);
  }

  /** Answers for sessions that there are not just as for those that there are, so that nobody learns which is which. */
  #challenge(leg: Leg, frame: TunnelFrame): { step: BridgeAttach; stream: SessionStream | undefined } {
    if (frame.type !== 'attach') throw new BeaconError('malformed', `a leg began with ${frame.type}`);
    const { random } = this.#options;
    const stream = this.#sessions.get(frame.session.toString('hex'));
    const step = new BridgeAttach(
      {
        session: frame.session,
        key: stream?.key ?? random.bytes(MAC_BYTES),
        nonce: random.bytes(NONCE_BYTES),
        standing: () => stream?.standing ?? UNKNOWN,
      },
      frame.nonce,
    );
    leg.write([encodeTunnelFrame(step.first)]);
    return { step, stream };
  }
}
