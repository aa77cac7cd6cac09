/** One request of another node at the holder: reads its header, says how it stands, and hands out the joined link. */
import assert from 'node:assert';
import type { Clock, Timer } from '../../base/clock.ts';
import { BeaconError, type RefusalCode } from '../../base/errors.ts';
import {
  FORWARD_HEADER_MS,
  FORWARD_PATIENCE_MS,
  FORWARD_SIGN_MS,
  FORWARD_SILENCE_MS,
} from '../../base/limits.ts';
import type { Link } from '../../net/link.ts';
import { encodeHolderFrame, originFrames } from '../../wire/forward-codec.ts';
import { FORWARD_HOPS, type Forward, type HolderFrame, type OriginFrame } from '../../wire/forward-frames.ts';
import type { InstanceId } from '../directory/entries.ts';
import { Channel } from './channel.ts';
import { Patience } from './patience.ts';
import { requestOf } from './request.ts';
import type { ForwardRequest, IncomingForward, IncomingHandler } from './types.ts';

/** header: FORWARD did not come yet · waiting: it did · ready: READY is out · taken: TAKE came · over. */
type State = 'header' | 'waiting' | 'ready' | 'taken' | 'over';

export interface IncomingOptions {
  readonly id: number;
  readonly link: Link;
  readonly clock: Clock;
  readonly handler: IncomingHandler;
  /** Whether the peer's certificate is that of the node `name`. */
  readonly isNode: (link: Link, name: string) => boolean;
  /** Why it ended without an answer of ours; for the log. */
  readonly onLost: (error: BeaconError) => void;
  /** A handler threw; for the log. */
  readonly onFault: (error: unknown) => void;
  /** No socket and no timer of it is left, or its link was handed out. Comes once. */
  readonly onDone: () => void;
}

export class Incoming implements IncomingForward {
  readonly id: number;
  readonly #options: IncomingOptions;
  readonly #channel: Channel<OriginFrame>;
  readonly #silence: Patience;
  readonly #timeLeft: Patience;
  #signs: Timer | undefined;
  #state: State = 'header';
  #request: ForwardRequest | undefined;

  constructor(options: IncomingOptions) {
    this.id = options.id;
    this.#options = options;
    this.#silence = new Patience(options.clock);
    this.#timeLeft = new Patience(options.clock);
    this.#channel = new Channel(options.link, originFrames(), options.clock, {
      onFrame: (frame) => this.#onFrame(frame),
      onLost: (error) => this.#onLost(error),
      onFault: (error) => options.onFault(error),
      onDone: () => options.onDone(),
    });
  }

  /** Begins to read the header. */
  start(): void {
    this.#silence.arm(FORWARD_HEADER_MS, () => this.#onLost(late('FORWARD', FORWARD_HEADER_MS)));
    this.#channel.start();
  }

  get request(): ForwardRequest {
    assert(this.#request, 'a forward is handed out with its request');
    return this.#request;
  }

  queued(): void {
    if (this.#state !== 'waiting' || this.#signs) return;
    this.#sayQueued();
    this.#signs = this.#options.clock.every(FORWARD_SIGN_MS, () => this.#sayQueued());
  }

  ready(): void {
    if (this.#state === 'over') return;
    assert(this.#state === 'waiting', 'READY is said once');
    this.#stopTimers();
    this.#state = 'ready';
    this.#silence.arm(FORWARD_SILENCE_MS, () => this.#onLost(late('an answer to READY', FORWARD_SILENCE_MS)));
    this.#send({ type: 'ready' });
  }

  join(bridge: InstanceId): Link {
    assert(this.#state === 'taken', 'join() follows the answer yes');
    this.#settle();
    this.#send({ type: 'joined', bridge: Buffer.from(bridge, 'hex') });
    return this.#channel.release();
  }

  notHere(incarnation: number, sequence: number): void {
    this.#end({ type: 'notHere', incarnation, sequence });
  }

  refuse(code: RefusalCode): void {
    this.#end({ type: 'refused', code });
  }

  drop(): void {
    this.#settle();
    this.#channel.reset();
  }

  #onFrame(frame: OriginFrame): void {
    if (frame.type === 'forward' && this.#state === 'header') return this.#onForward(frame);
    if (frame.type === 'take' && this.#state === 'ready') return this.#onTake();
    if (frame.type === 'decline' && this.#state === 'ready') {
      this.#settle();
      this.#channel.finish();
      return this.#options.handler.onAnswer(this, false);
    }
    throw new BeaconError('malformed', `a ${frame.type} frame is not expected in state ${this.#state}`);
  }

  #onForward(frame: Forward): void {
    const { link, handler, isNode } = this.#options;
    if (!isNode(link, frame.origin)) {
      throw new BeaconError('untrusted', 'a node asked for a forward in the name of another one');
    }
    // Forwarded before, or by software that we do not know: passing it on could go round in circles.
    if (frame.hops !== FORWARD_HOPS) return this.refuse('malformed');
    this.#state = 'waiting';
    this.#silence.cancel();
    this.#request = requestOf(frame);
    // A timer takes no more than 25 days, and then fires at once.
    this.#timeLeft.arm(Math.min(frame.timeLeftMs, FORWARD_PATIENCE_MS), () => this.#onTimeLeft());
    handler.onRequest(this);
  }

  #onTake(): void {
    this.#channel.expectSilence();
    this.#stopTimers();
    this.#state = 'taken';
    this.#signs = this.#options.clock.every(FORWARD_SIGN_MS, () => this.#sayQueued());
    this.#options.handler.onAnswer(this, true);
  }

  #onTimeLeft(): void {
    this.refuse('timeout');
    this.#options.handler.onGone(this);
  }

  #onLost(error: BeaconError): void {
    const known = this.#state !== 'header' && this.#state !== 'over';
    this.#settle();
    // The one thing that a node of another release must learn; whoever sends anything else wrong learns nothing.
    if (error.code === 'unsupportedVersion') this.#finish({ type: 'refused', code: error.code });
    else this.#channel.reset();
    this.#options.onLost(error);
    if (known) this.#options.handler.onGone(this);
  }

  #end(frame: HolderFrame): void {
    if (this.#state === 'over') return;
    this.#settle();
    this.#finish(frame);
  }

  #finish(frame: HolderFrame): void {
    this.#channel.finish(encodeHolderFrame(frame));
  }

  #sayQueued(): void {
    this.#send({ type: 'queued' });
  }

  #send(frame: HolderFrame): void {
    this.#channel.send(encodeHolderFrame(frame));
  }

  #settle(): void {
    this.#state = 'over';
    this.#stopTimers();
  }

  #stopTimers(): void {
    this.#silence.cancel();
    this.#timeLeft.cancel();
    this.#signs?.cancel();
    this.#signs = undefined;
  }
}

function late(what: string, ms: number): BeaconError {
  return new BeaconError('timeout', `${what} did not come within ${ms / 1_000} s`);
}
