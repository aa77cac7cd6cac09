/** A relay that does not carry what it is given: one leg in memory, with seeded malice in each direction. For tests. */
import type { Clock } from '../../src/base/clock.ts';
import { integerBelow, type Random } from '../../src/base/random.ts';
import type { Link } from '../../src/net/link.ts';
import { type MemoryLink, memoryLinks } from './memory-link.ts';

/** What it does to a chunk. */
export const DEEDS = [
  'flip',
  'drop',
  'cut out',
  'duplicate',
  'delay',
  'swap',
  'say again',
  'end',
  'reset',
] as const;
export type Deed = (typeof DEEDS)[number];

export interface Malice {
  readonly random: Random;
  readonly clock: Clock;
  /** Bytes of each direction that pass unharmed first. */
  readonly after: number;
  /** One chunk in so many is harmed. */
  readonly oneIn: number;
  /** Each deed as it is done. */
  readonly onDeed: (deed: Deed) => void;
}

export interface HostileLeg {
  readonly broker: Link;
  readonly bridge: Link;
  close(): void;
}

/** A leg through a relay; honest without `malice`. */
export function hostileLeg(malice: Malice | undefined): HostileLeg {
  const [broker, nearBroker] = memoryLinks();
  const [bridge, nearBridge] = memoryLinks();
  new Way(nearBroker, nearBridge, malice);
  new Way(nearBridge, nearBroker, malice);
  const all = [broker, nearBroker, bridge, nearBridge];
  return {
    broker,
    bridge,
    close: () => {
      for (const link of all) link.reset();
    },
  };
}

class Way {
  readonly #from: MemoryLink;
  readonly #to: MemoryLink;
  readonly #malice: Malice | undefined;
  #passed = 0;
  /** Waits for the next chunk, to come after it. */
  #swapped: Buffer | undefined;
  #earlier: Buffer | undefined;

  constructor(from: MemoryLink, to: MemoryLink, malice: Malice | undefined) {
    this.#from = from;
    this.#to = to;
    this.#malice = malice;
    from.stream.on('data', (bytes: Buffer) => this.#onChunk(bytes));
    from.stream.once('end', () => {
      if (!to.stream.destroyed) to.stream.end();
    });
    from.stream.once('close', () => {
      if (!from.stream.readableEnded) to.reset();
    });
  }

  #onChunk(bytes: Buffer): void {
    const malice = this.#malice;
    this.#passed += bytes.length;
    const isSpared = !malice || this.#passed <= malice.after || integerBelow(malice.random, malice.oneIn) > 0;
    if (isSpared) this.#write(bytes);
    else this.#harm(bytes, malice);
    this.#earlier = bytes;
  }

  #harm(bytes: Buffer, malice: Malice): void {
    const below = (most: number): number => integerBelow(malice.random, most);
    const deed = DEEDS[below(DEEDS.length)] ?? 'drop';
    malice.onDeed(deed);
    switch (deed) {
      case 'flip': {
        const other = Buffer.from(bytes);
        const at = below(other.length);
        other[at] = (other[at] ?? 0) ^ (1 << below(8));
        return this.#write(other);
      }
      case 'drop':
        return;
      case 'cut out': {
        const at = below(bytes.length);
        return this.#write(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(20))]));
      }
      case 'duplicate':
        this.#write(bytes);
        return this.#write(bytes);
      case 'delay':
        this.#from.stream.pause();
        malice.clock.after(below(4_000), () => this.#from.stream.resume());
        return this.#write(bytes);
      case 'swap':
        this.#swapped = bytes;
        return;
      case 'say again':
        this.#write(bytes);
        if (this.#earlier) this.#write(this.#earlier);
        return;
      case 'end':
        return void this.#to.stream.end();
      case 'reset':
        return this.#to.reset();
    }
  }

  #write(bytes: Buffer): void {
    const { stream } = this.#to;
    if (stream.destroyed || stream.writableEnded) return;
    stream.write(bytes);
    const swapped = this.#swapped;
    this.#swapped = undefined;
    if (swapped) stream.write(swapped);
  }
}
