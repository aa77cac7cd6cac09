/**
 * A relay that knows the frames of the tunnel, and carries them badly without a lie: it loses whole frames, says them
 * twice, cuts them elsewhere, holds them, or dies. A session owes its bytes through all of that. For tests.
 */
import type { Clock } from '../../src/base/clock.ts';
import { integerBelow, type Random } from '../../src/base/random.ts';
import type { Link } from '../../src/net/link.ts';
import { DATA_HEADER_BYTES, dataHeader, TUNNEL_LAYOUTS } from '../../src/tunnel/frames.ts';
import { type MemoryLink, memoryLinks } from './memory-link.ts';

/** What it does to any frame. `hole`: it swallows all that follows; `gather`: what comes soon goes on as one chunk. */
const DEEDS = ['drop', 'hold', 'hole', 'gather', 'split', 'cut', 'end', 'reset'] as const;
/** What it does to frames with bytes of the session: acknowledgements must stay in order. */
const DATA_DEEDS = [...DEEDS, 'double', 'say again', 'overlap', 'swap'] as const;
/** Or to a proof: it says another offset than the one that was proved. */
const PROVE_DEEDS = ['drop', 'reset', 'alter'] as const;
export type FrameDeed =
  | (typeof DATA_DEEDS)[number]
  | (typeof PROVE_DEEDS)[number]
  /** To every acknowledgement, where it is {@link FrameRelayOptions.isGenerous}: it allows more than the reader does. */
  | 'raise';
export const FRAME_DEEDS: readonly FrameDeed[] = [...DATA_DEEDS, 'alter', 'raise'];

const { data, ack, close, prove } = TUNNEL_LAYOUTS;
const RAISED = 1 << 30;
/** Times of `hold` and `gather` are below these, in milliseconds. */
const HOLD_MS = 4_000;
const GATHER_MS = 200;

export type Direction = 'to the bridge' | 'to the broker';

export interface FrameRelayOptions {
  readonly random: Random;
  readonly clock: Clock;
  /** One frame in so many is harmed, while {@link isArmed}; undefined: an honest relay. */
  readonly oneIn: number | undefined;
  readonly isArmed: () => boolean;
  /** Raises the limit in every ACK. That is a lie. */
  readonly isGenerous: boolean;
  readonly onDeed: (deed: FrameDeed) => void;
  /** Every frame as it came. */
  readonly onFrame: (frame: Buffer, direction: Direction) => void;
}

export interface FrameLeg {
  readonly broker: Link;
  readonly bridge: Link;
  /** Resets both ends. */
  close(): void;
}

export function frameLeg(options: FrameRelayOptions): FrameLeg {
  const [broker, nearBroker] = memoryLinks();
  const [bridge, nearBridge] = memoryLinks();
  new Way(nearBroker, nearBridge, 'to the bridge', options);
  new Way(nearBridge, nearBroker, 'to the broker', options);
  return {
    broker,
    bridge,
    close: () => {
      for (const link of [broker, nearBroker, bridge, nearBridge]) link.reset();
    },
  };
}

/** Cuts what one end of a leg says into its frames; the version byte comes as a piece of its own. */
export class FrameSplitter {
  #rest: Buffer = Buffer.alloc(0);
  #isVersionSeen = false;

  push(chunk: Buffer): Buffer[] {
    const frames: Buffer[] = [];
    let rest = Buffer.concat([this.#rest, chunk]);
    if (!this.#isVersionSeen && rest.length > 0) {
      frames.push(rest.subarray(0, 1));
      rest = rest.subarray(1);
      this.#isVersionSeen = true;
    }
    while (rest.length >= 4 && rest.length >= 4 + rest.readUIntBE(1, 3)) {
      const end = 4 + rest.readUIntBE(1, 3);
      frames.push(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
    this.#rest = rest;
    return frames;
  }
}

class Way {
  readonly #from: MemoryLink;
  readonly #to: MemoryLink;
  readonly #direction: Direction;
  readonly #options: FrameRelayOptions;
  readonly #splitter = new FrameSplitter();
  /** Waits for the next frame, to come after it. */
  #swapped: Buffer | undefined;
  #earlier: Buffer | undefined;
  #gathered: Buffer[] | undefined;
  #isHole = false;

  constructor(from: MemoryLink, to: MemoryLink, direction: Direction, options: FrameRelayOptions) {
    this.#from = from;
    this.#to = to;
    this.#direction = direction;
    this.#options = options;
    from.stream.on('data', (chunk: Buffer) => {
      for (const frame of this.#splitter.push(chunk)) this.#onFrame(frame);
    });
    from.stream.once('end', () => {
      if (!this.#isHole && !to.stream.destroyed) this.#end();
    });
    from.stream.once('close', () => {
      if (!this.#isHole && !from.stream.readableEnded) to.reset();
    });
  }

  #onFrame(frame: Buffer): void {
    const { oneIn, isArmed, isGenerous, random, onDeed, onFrame } = this.#options;
    onFrame(frame, this.#direction);
    if (this.#isHole) return;
    if (isGenerous && frame[0] === ack.number) {
      onDeed('raise');
      return this.#write(raised(frame));
    }
    const isSpared =
      oneIn === undefined || !isArmed() || frame.length === 1 || integerBelow(random, oneIn) > 0;
    if (isSpared) this.#write(frame);
    else this.#harm(frame);
    if (frame[0] === data.number) this.#earlier = frame;
  }

  #harm(frame: Buffer): void {
    const { random, clock, onDeed } = this.#options;
    const below = (most: number): number => integerBelow(random, most);
    const deeds = deedsFor(frame);
    const deed = deeds[below(deeds.length)] ?? 'drop';
    onDeed(deed);
    switch (deed) {
      case 'drop':
        return;
      case 'hold':
        this.#from.stream.pause();
        clock.after(below(HOLD_MS), () => this.#from.stream.resume());
        return this.#write(frame);
      case 'hole':
        this.#isHole = true;
        return;
      case 'gather':
        this.#gather(below(GATHER_MS));
        return this.#write(frame);
      case 'split': {
        const at = below(frame.length);
        this.#pass(frame.subarray(0, at));
        return this.#write(frame.subarray(at));
      }
      case 'cut':
        this.#pass(frame.subarray(0, below(frame.length)));
        return below(2) === 0 ? this.#end() : this.#to.reset();
      case 'end':
        return this.#end();
      case 'reset':
        return this.#to.reset();
      case 'double':
        this.#write(frame);
        return this.#write(frame);
      case 'say again':
        this.#write(frame);
        return this.#write(this.#earlier ?? frame);
      case 'overlap':
        for (const part of overlapping(frame, below)) this.#write(part);
        return;
      case 'swap':
        this.#swapped = frame;
        return;
      case 'alter':
        return this.#write(altered(frame, below));
    }
  }

  #gather(ms: number): void {
    if (this.#gathered) return;
    this.#gathered = [];
    this.#options.clock.after(ms, () => this.#flush());
  }

  #flush(): void {
    const bytes = Buffer.concat(this.#gathered ?? []);
    this.#gathered = undefined;
    if (bytes.length > 0) this.#pass(bytes);
  }

  #end(): void {
    this.#flush();
    this.#to.stream.end();
  }

  #write(frame: Buffer): void {
    this.#pass(frame);
    const swapped = this.#swapped;
    this.#swapped = undefined;
    if (swapped) this.#pass(swapped);
  }

  #pass(bytes: Buffer): void {
    const { stream } = this.#to;
    if (this.#gathered) this.#gathered.push(bytes);
    else if (!stream.destroyed && !stream.writableEnded) stream.write(bytes);
  }
}

function deedsFor(frame: Buffer): readonly FrameDeed[] {
  if (frame[0] === data.number) return DATA_DEEDS;
  if (frame[0] === prove.number) return PROVE_DEEDS;
  // The end of a direction is as good as its last byte.
  return frame[0] === close.number ? [...DEEDS, 'double', 'swap'] : DEEDS;
}

/** The same bytes in two frames, the second of which says the end of the first again. */
function overlapping(frame: Buffer, below: (most: number) => number): Buffer[] {
  const offset = Number(frame.readBigUInt64BE(4));
  const bytes = frame.subarray(DATA_HEADER_BYTES);
  const first = bytes.subarray(0, below(bytes.length + 1));
  const from = below(first.length + 1);
  const second = bytes.subarray(from);
  return [
    Buffer.concat([dataHeader(offset, first.length), first]),
    Buffer.concat([dataHeader(offset + from, second.length), second]),
  ];
}

function altered(frame: Buffer, below: (most: number) => number): Buffer {
  const other = Buffer.from(frame);
  const offset = frame.readBigUInt64BE(4) + BigInt(1 + below(2_000)) * (below(2) === 0 ? 1n : -1n);
  other.writeBigUInt64BE(offset < 0n ? 0n : offset, 4);
  // A lower one was cut off at 0 where it was 0 before: that would be no lie.
  if (other.equals(frame)) other.writeBigUInt64BE(1n, 4);
  return other;
}

function raised(frame: Buffer): Buffer {
  const other = Buffer.from(frame);
  other.writeBigUInt64BE(frame.readBigUInt64BE(12) + BigInt(RAISED), 12);
  return other;
}
