/** One end of a forward under test, and at the other end of a link in memory a test that plays the other node. */
import { onTestFinished } from 'vitest';
import { BeaconError } from '../../../../src/base/errors.ts';
import type { InfoHash } from '../../../../src/base/info-hash.ts';
import { Incoming } from '../../../../src/cluster/forward/incoming.ts';
import { Outgoing } from '../../../../src/cluster/forward/outgoing.ts';
import type {
  ForwardRequest,
  IncomingForward,
  IncomingHandler,
  OutgoingHandler,
} from '../../../../src/cluster/forward/types.ts';
import type { Link } from '../../../../src/net/link.ts';
import type { FrameDecoder } from '../../../../src/wire/decode.ts';
import {
  encodeHolderFrame,
  encodeOriginFrame,
  holderFrames,
  originFrames,
} from '../../../../src/wire/forward-codec.ts';
import type { Forward, HolderFrame, OriginFrame } from '../../../../src/wire/forward-frames.ts';
import type { AnyFrame } from '../../../../src/wire/table.ts';
import { ManualClock, settle } from '../../../support/manual-clock.ts';
import { memoryLinks } from '../../../support/memory-link.ts';
import { type Watched, watch } from '../../../support/streams.ts';

/** Longer than every limit of the product. */
export const YEAR_MS = 365 * 24 * 3_600_000;
export const BRIDGE = 'b1'.repeat(16);

export const REQUEST: ForwardRequest = {
  infoHash: 'aa'.repeat(32) as InfoHash,
  pairId: 'cc'.repeat(16),
  origin: 'origin-0',
  hops: 1,
  wanted: undefined,
  except: [],
  timeLeftMs: 10_000,
};

export const FORWARD: Forward = {
  type: 'forward',
  version: 1,
  infoHash: Buffer.alloc(32, 0xaa),
  pairId: Buffer.alloc(16, 0xcc),
  hops: 1,
  origin: 'origin-0',
  wanted: undefined,
  except: [],
  timeLeftMs: 10_000,
};

export const JOINED: HolderFrame = { type: 'joined', bridge: Buffer.from(BRIDGE, 'hex') };
export const NOT_HERE: HolderFrame = { type: 'notHere', incarnation: 7, sequence: 42 };

/** The test at the far end of a link. */
class Far<Own extends AnyFrame, Other extends AnyFrame> {
  readonly link: Link;
  readonly seen: Watched;
  readonly #encode: (frame: Own) => Buffer;
  readonly #decoder: () => FrameDecoder<Other>;

  constructor(link: Link, encode: (frame: Own) => Buffer, decoder: () => FrameDecoder<Other>) {
    this.link = link;
    this.seen = watch(link.stream);
    this.#encode = encode;
    this.#decoder = decoder;
  }

  /** Says it in one chunk, and lets it arrive. */
  async say(...parts: readonly (Own | Buffer)[]): Promise<void> {
    this.link.stream.write(
      Buffer.concat(parts.map((part) => (Buffer.isBuffer(part) ? part : this.#encode(part)))),
    );
    await settle();
    await settle();
  }

  /** Every frame that came. */
  get frames(): Other[] {
    const decoder = this.#decoder();
    decoder.push(this.seen.bytes);
    const frames: Other[] = [];
    for (let frame = decoder.next(); frame; frame = decoder.next()) frames.push(frame);
    return frames;
  }

  get types(): string[] {
    return this.frames.map(({ type }) => type);
  }
}

/** An end that the test is done with: nothing of it may be left. */
function checkNothingLeft(clock: ManualClock, ...links: readonly Link[]): void {
  onTestFinished(() => {
    for (const link of links) link.reset();
    if (clock.pending > 0) throw new Error(`${clock.pending} timers were left`);
  });
}

export interface OriginEnd {
  readonly clock: ManualClock;
  readonly outgoing: Outgoing;
  /** `queued`, `ready`, `joined b1b1...`, `failed notHere 7 42`, `failed refused draining`, `failed unreachable CODE`,
   *  `fault`, `done`. */
  readonly told: string[];
  /** The link that was handed out. */
  readonly joined: Link[];
  /** Whether the holder was alive when its place at the gate was given back: once. */
  readonly left: boolean[];
  readonly far: Far<HolderFrame, OriginFrame>;
  /** Ends the dial. */
  dialled(): Promise<void>;
  dialFails(error: BeaconError): Promise<void>;
}

/** `handler` replaces what an origin does; by default it takes. The dial ends when the test says so; `far` is at its other end. */
export function originEnd(
  handler: Partial<OutgoingHandler> = {},
  request: ForwardRequest = REQUEST,
  spare?: Link,
): OriginEnd {
  const clock = new ManualClock();
  const [near, farLink] = memoryLinks();
  const dial = Promise.withResolvers<Link>();
  const told: string[] = [];
  const joined: Link[] = [];
  const left: boolean[] = [];
  const outgoing: Outgoing = new Outgoing({
    request,
    spare,
    node: 'holder-0',
    clock,
    enter: () => Promise.resolve((alive) => void left.push(alive)),
    dial: (signal) => {
      signal.addEventListener('abort', () => dial.reject(new BeaconError('closed', 'stopped')));
      return dial.promise;
    },
    handler: {
      onQueued: () => void told.push('queued'),
      onReady: () => {
        told.push('ready');
        (handler.onReady ?? (() => outgoing.take()))();
      },
      onJoined: (link, bridge) => {
        told.push(`joined ${bridge}`);
        joined.push(link);
        handler.onJoined?.(link, bridge);
      },
      onFailed: (failure) => {
        const { kind } = failure;
        if (kind === 'notHere') told.push(`failed notHere ${failure.incarnation} ${failure.sequence}`);
        else told.push(`failed ${kind} ${kind === 'refused' ? failure.code : failure.error.code}`);
      },
    },
    onFault: () => void told.push('fault'),
    onDone: () => void told.push('done'),
  });
  void outgoing.start();
  checkNothingLeft(clock, near, farLink);
  const dialled = async (): Promise<void> => {
    dial.resolve(near);
    await settle();
    await settle();
  };
  const dialFails = async (error: BeaconError): Promise<void> => {
    dial.reject(error);
    await settle();
  };
  return {
    clock,
    outgoing,
    told,
    joined,
    left,
    far: new Far(farLink, encodeHolderFrame, originFrames),
    dialled,
    dialFails,
  };
}

export interface HolderEnd {
  readonly clock: ManualClock;
  readonly incoming: Incoming;
  /** `request`, `answer yes`, `answer no`, `gone`, `lost CODE`, `fault`, `done`. */
  readonly told: string[];
  readonly far: Far<OriginFrame, HolderFrame>;
}

/** `handler` says what the holder does; by default nothing. The origin's certificate names `certified`. */
export function holderEnd(handler: Partial<IncomingHandler> = {}, certified = 'origin-0'): HolderEnd {
  const clock = new ManualClock();
  const [near, farLink] = memoryLinks();
  const told: string[] = [];
  const incoming = new Incoming({
    id: 3,
    link: near,
    clock,
    handler: {
      onRequest: (forward: IncomingForward) => {
        told.push('request');
        handler.onRequest?.(forward);
      },
      onAnswer: (forward, yes) => {
        told.push(`answer ${yes ? 'yes' : 'no'}`);
        handler.onAnswer?.(forward, yes);
      },
      onGone: (forward) => {
        told.push('gone');
        handler.onGone?.(forward);
      },
    },
    isNode: (_link, name) => name === certified,
    onLost: ({ code }) => void told.push(`lost ${code}`),
    onFault: () => void told.push('fault'),
    onDone: () => void told.push('done'),
  });
  incoming.start();
  checkNothingLeft(clock, near, farLink);
  return { clock, incoming, told, far: new Far(farLink, encodeOriginFrame, holderFrames) };
}
