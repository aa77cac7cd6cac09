/** Whether this process has time and memory for more clients, by looks at both. Pure. */
import { LOOP_DELAY_MS, LOOP_LATE_LOOKS, MEMORY_FREE_PART, MEMORY_FULL_PART } from '../../base/limits.ts';

/** What is short. */
export type Shortage = 'eventLoop' | 'memory';

/** One look. */
export interface LoadSample {
  /** 99th percentile of the event loop's delay since the look before, in milliseconds; 0 on time. */
  readonly delayP99Ms: number;
  /** Memory in use as a part of what there is for us: 1 is all of it. */
  readonly memoryPart: number;
}

export interface LoadStatus {
  /** Both, where both are short: the first one of {@link Shortage}. Undefined: serving. */
  readonly short: Shortage | undefined;
  /** The last look. */
  readonly sample: LoadSample;
  /** How often each became short since the start. */
  readonly times: Readonly<Record<Shortage, number>>;
}

export interface LoadOptions {
  /** `short` became, or is no longer, short. Both can be so at once. */
  readonly onChange: (short: Shortage, isShort: boolean) => void;
}

export class Load {
  readonly #onChange: LoadOptions['onChange'];
  readonly #short = new Set<Shortage>();
  readonly #times: Record<Shortage, number> = { eventLoop: 0, memory: 0 };
  #sample: LoadSample = { delayP99Ms: 0, memoryPart: 0 };
  #lateLooks = 0;

  constructor({ onChange }: LoadOptions) {
    this.#onChange = onChange;
  }

  get status(): LoadStatus {
    const short = (['eventLoop', 'memory'] as const).find((each) => this.#short.has(each));
    return { short, sample: this.#sample, times: { ...this.#times } };
  }

  /** Takes the next look; each is LOAD_LOOK_MS after the one before. */
  look(sample: LoadSample): void {
    this.#sample = sample;
    this.#lateLooks = sample.delayP99Ms > LOOP_DELAY_MS ? this.#lateLooks + 1 : 0;
    // On time once is enough to go on: the pause itself is what brought it.
    this.#set('eventLoop', this.#lateLooks >= (this.#short.has('eventLoop') ? 1 : LOOP_LATE_LOOKS));
    const memoryMark = this.#short.has('memory') ? MEMORY_FREE_PART : MEMORY_FULL_PART;
    this.#set('memory', sample.memoryPart > memoryMark);
  }

  #set(short: Shortage, isShort: boolean): void {
    if (this.#short.has(short) === isShort) return;
    if (isShort) {
      this.#short.add(short);
      this.#times[short] += 1;
    } else {
      this.#short.delete(short);
    }
    this.#onChange(short, isShort);
  }
}
