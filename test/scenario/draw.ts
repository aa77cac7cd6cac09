/** Draws from a seed, for {@link scenarioOf}. */
import { integerBelow, type Random } from '../../src/base/random.ts';

export class Draw {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  chance(probability: number): boolean {
    return this.#random.fraction() < probability;
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + integerBelow(this.#random, most - least + 1);
  }

  /** As {@link between}, with as many draws between 10 and 100 as between 1,000 and 10,000. */
  magnitude(least: number, most: number): number {
    return Math.round(least * (most / least) ** this.#random.fraction());
  }

  of<T>(list: readonly [T, ...T[]]): T {
    return list[integerBelow(this.#random, list.length)] as T;
  }

  /** Each with probability `share`, and one at the least. */
  some<T>(list: readonly [T, ...T[]], share: number): [T, ...T[]] {
    const [first, ...others] = list.filter(() => this.chance(share));
    return first === undefined ? [this.of(list)] : [first, ...others];
  }
}
