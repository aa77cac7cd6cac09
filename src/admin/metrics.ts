/**
 * The numbers of one process for Prometheus, by prom-client. One registry for each process, handed in; nothing is global.
 *
 * What happens is counted when it happens; what is so is looked up when somebody asks.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export type Labels = Readonly<Record<string, string>>;
export type Sample = readonly [value: number, labels?: Labels];

/** What a metric is called, and what it means in one sentence. docs/metrics.md has the same list. */
export interface Naming {
  /** Begins with `beacon_` and ends with its base unit; a counter's with `_total`. */
  readonly name: string;
  readonly help: string;
  /** Names of its labels. Each has few values, and none is of a client. */
  readonly labels?: readonly string[];
}

/** Counts one, or `by`. */
export type Count = (labels?: Labels, by?: number) => void;
export type Observe = (value: number, labels?: Labels) => void;
/** Looks up all values of a metric. */
export type Look = () => Iterable<Sample>;

export class Metrics {
  readonly #registry = new Registry();
  /** Counts them. */
  #scrape = 0;

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All of them in the text format of Prometheus. */
  text(): Promise<string> {
    this.#scrape += 1;
    return this.#registry.metrics();
  }

  /** `look`, made to look only once for all the metrics of one scrape: for what is dear to collect. */
  oncePerScrape<T>(look: () => T): () => T {
    let seen: { readonly scrape: number; readonly value: T } | undefined;
    return () => {
      if (seen?.scrape !== this.#scrape) seen = { scrape: this.#scrape, value: look() };
      return seen.value;
    };
  }

  /** What happened, counted from now on. One without labels is 0 at first, others are not there. */
  counter(naming: Naming): Count {
    const counter = new Counter(this.#configuration(naming));
    return (labels = {}, by = 1) => counter.inc({ ...labels }, by);
  }

  /** @param buckets upper bounds, rising. */
  histogram(naming: Naming, buckets: readonly number[]): Observe {
    const histogram = new Histogram({ ...this.#configuration(naming), buckets: [...buckets] });
    return (value, labels = {}) => histogram.observe({ ...labels }, value);
  }

  /** What somebody else counts, since the start of the process. */
  total(naming: Naming, look: Look): void {
    new Counter({
      ...this.#configuration(naming),
      collect() {
        this.reset();
        this.remove({}); // reset() leaves a 0 in one without labels
        for (const [value, labels = {}] of look()) this.inc({ ...labels }, value);
      },
    });
  }

  /** A gauge that has no labels; undefined: no sample. */
  value(name: string, help: string, look: () => number | undefined): void {
    this.gauge({ name, help }, () => one(look()));
  }

  gauge(naming: Naming, look: Look): void {
    new Gauge({
      ...this.#configuration(naming),
      collect() {
        this.reset();
        this.remove({});
        for (const [value, labels = {}] of look()) this.set({ ...labels }, value);
      },
    });
  }

  #configuration({ name, help, labels = [] }: Naming) {
    return { name, help, labelNames: [...labels], registers: [this.#registry] };
  }
}

/** One sample without labels. */
export function* one(value: number | undefined): Iterable<Sample> {
  if (value !== undefined) yield [value];
}

/** A sample for each entry of `counts`, its key as the value of `label`. */
export function* each(label: string, counts: Readonly<Record<string, number>>): Iterable<Sample> {
  for (const [key, value] of Object.entries(counts)) yield [value, { [label]: key }];
}

/** 1 for the state that it is, 0 for all others: as Prometheus wants an enumeration. */
export function* state(label: string, states: readonly string[], now: string): Iterable<Sample> {
  for (const one of states) yield [one === now ? 1 : 0, { [label]: one }];
}
