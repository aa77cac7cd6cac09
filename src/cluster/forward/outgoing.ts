/** One forward at the broker's node: dials the holder, asks, answers its READY, and hands out the joined link. */
import assert from 'node:assert';
import type { Clock } from '../../base/clock.ts';
import { asBeaconError, BeaconError } from '../../base/errors.ts';
import { FORWARD_JOIN_TIMEOUT_MS, FORWARD_SILENCE_MS } from '../../base/limits.ts';
import type { Link } from '../../net/link.ts';
import { encodeOriginFrame, holderFrames } from '../../wire/forward-codec.ts';
import type { HolderFrame } from '../../wire/forward-frames.ts';
import { Channel } from './channel.ts';
import type { Leave } from './dial-gate.ts';
import { Patience } from './patience.ts';
import { requestFrame } from './request.ts';
import type { ForwardFailure, ForwardRequest, OutgoingForward, OutgoingHandler } from './types.ts';

/** asking: FORWARD is out or on its way · ready: READY came, the answer is due · taken: TAKE is out · over. */
type State = 'asking' | 'ready' | 'taken' | 'over';

export interface OutgoingOptions {
  readonly request: ForwardRequest;
  /** A link to the holder that is open already. If it turns out to be closed, another one is dialled. */
  readonly spare: Link | undefined;
  /** Name of the holder, for texts. */
  readonly node: string;
  /** Waits for a place among those who dial the holder. Throws BeaconError; ends by the signal, as `dial` does. */
  readonly enter: (signal: AbortSignal) => Promise<Leave>;
  readonly dial: (signal: AbortSignal) => Promise<Link>;
  readonly clock: Clock;
  readonly handler: OutgoingHandler;
  /** A handler threw; for the log. */
  readonly onFault: (error: unknown) => void;
  /** No socket and no timer of it is left, or its link was handed out. Comes once. */
  readonly onDone: () => void;
}

export class Outgoing implements OutgoingForward {
  readonly #options: OutgoingOptions;
  readonly #request: Buffer;
  readonly #dialling = new AbortController();
  readonly #silence: Patience;
  readonly #joining: Patience;
  #state: State = 'asking';
  /** QUEUED came; the holder repeats it. */
  #queued = false;
  /** Until the holder's first word. */
  #leave: Leave | undefined;
  /** The holder may have closed the spare before it could read our request; until its first word. */
  #onSpare = false;
  #channel: Channel<HolderFrame> | undefined;

  /** Asserts that the request keeps the limits of the wire. */
  constructor(options: OutgoingOptions) {
    this.#options = options;
    this.#request = encodeOriginFrame(requestFrame(options.request));
    this.#silence = new Patience(options.clock);
    this.#joining = new Patience(options.clock);
  }

  /** Rejects only with what a handler threw. */
  async start(): Promise<void> {
    const { spare } = this.#options;
    this.#onSpare = spare !== undefined;
    if (spare) this.#ask(spare);
    else await this.#askAnew();
  }

  take(): void {
    if (this.#state === 'over') return;
    assert(this.#state === 'ready', 'take() answers READY');
    this.#state = 'taken';
    this.#listen();
    this.#joining.arm(FORWARD_JOIN_TIMEOUT_MS, () =>
      this.#giveUp(`joined nothing within ${FORWARD_JOIN_TIMEOUT_MS / 1_000} s`),
    );
    this.#channel?.send(encodeOriginFrame({ type: 'take' }));
  }

  decline(): void {
    if (this.#state === 'over') return;
    assert(this.#state === 'ready', 'decline() answers READY');
    this.#settle();
    this.#channel?.finish(encodeOriginFrame({ type: 'decline' }));
  }

  cancel(): void {
    if (this.#state !== 'over') this.abort();
  }

  /** As {@link cancel}, and also when it is over and its socket is still closing. */
  abort(): void {
    this.#settle();
    this.#dialling.abort();
    this.#channel?.reset();
  }

  async #askAnew(): Promise<void> {
    let link: Link;
    try {
      link = await this.#dial(this.#dialling.signal);
    } catch (error) {
      this.#leaveGate(false);
      this.#options.onDone();
      return this.#fail({ kind: 'unreachable', error: asBeaconError(error) });
    }
    this.#ask(link);
  }

  async #dial(signal: AbortSignal): Promise<Link> {
    this.#leave = await this.#options.enter(signal);
    if (signal.aborted) throw new BeaconError('closed', 'the forward was cancelled before its dial');
    return await this.#options.dial(signal);
  }

  #ask(link: Link): void {
    if (this.#state === 'over') {
      this.#leaveGate(false);
      link.reset();
      return this.#options.onDone();
    }
    const channel: Channel<HolderFrame> = new Channel(link, holderFrames(), this.#options.clock, {
      onFrame: (frame) => this.#onFrame(frame),
      onLost: (error) => this.#onLost(error),
      onFault: (error) => this.#options.onFault(error),
      onDone: () => {
        // Not that of a spare which was closed: the forward goes on without it.
        if (this.#channel === channel) this.#options.onDone();
      },
    });
    this.#channel = channel;
    this.#listen();
    channel.start();
    channel.send(this.#request);
  }

  #onFrame(frame: HolderFrame): void {
    this.#leaveGate(true);
    this.#onSpare = false;
    switch (frame.type) {
      case 'queued':
        return this.#state === 'ready' ? this.#unexpected(frame) : this.#onQueued();
      case 'ready':
        return this.#state === 'asking' ? this.#onReady() : this.#unexpected(frame);
      case 'joined':
        return this.#state === 'taken' ? this.#onJoined(frame.bridge) : this.#unexpected(frame);
      case 'notHere': {
        const { incarnation, sequence } = frame;
        return this.#end({ kind: 'notHere', incarnation, sequence });
      }
      case 'refused':
        return this.#end({ kind: 'refused', code: frame.code });
    }
  }

  /** Also a sign of life while bridges are offered. */
  #onQueued(): void {
    this.#listen();
    if (this.#state !== 'asking' || this.#queued) return;
    this.#queued = true;
    this.#options.handler.onQueued();
  }

  #onReady(): void {
    this.#state = 'ready';
    // It is our turn now.
    this.#silence.cancel();
    this.#options.handler.onReady();
  }

  #onJoined(bridge: Buffer): void {
    this.#settle();
    const link = this.#channel?.release();
    if (link) this.#options.handler.onJoined(link, bridge.toString('hex'));
  }

  /** The holder has said its last word, and ends. */
  #end(failure: ForwardFailure): void {
    this.#channel?.finish();
    this.#fail(failure);
  }

  #onLost(error: BeaconError): void {
    const channel = this.#channel;
    if (this.#onSpare && error.code === 'closed') {
      this.#onSpare = false;
      this.#channel = undefined;
      channel?.reset();
      this.#silence.cancel();
      this.#askAnew().catch(this.#options.onFault);
      return;
    }
    channel?.reset();
    this.#fail({ kind: 'unreachable', error });
  }

  #giveUp(what: string): void {
    this.#onLost(new BeaconError('unreachable', `node ${this.#options.node} ${what}`, { retry: true }));
  }

  #fail(failure: ForwardFailure): void {
    if (this.#state === 'over') return;
    this.#settle();
    this.#options.handler.onFailed(failure);
  }

  #listen(): void {
    this.#silence.arm(FORWARD_SILENCE_MS, () =>
      this.#giveUp(`said nothing for ${FORWARD_SILENCE_MS / 1_000} s`),
    );
  }

  #leaveGate(alive: boolean): void {
    const leave = this.#leave;
    this.#leave = undefined;
    leave?.(alive);
  }

  #settle(): void {
    this.#state = 'over';
    this.#leaveGate(false);
    this.#silence.cancel();
    this.#joining.cancel();
  }

  #unexpected({ type }: HolderFrame): never {
    throw new BeaconError('malformed', `a ${type} frame is not expected in state ${this.#state}`);
  }
}
