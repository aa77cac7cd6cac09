/** Randomness as an argument, so that the simulator can replay it from a seed. */
import { randomBytes } from 'node:crypto';

export interface Random {
  /** `count` bytes, unpredictable in production. */
  bytes(count: number): Buffer;
  /** A number in [0, 1). For jitter and load spreading, never for keys. */
  fraction(): number;
}

export const systemRandom: Random = {
  bytes: (count) => randomBytes(count),
  fraction: () => Math.random(),
};

/** A whole number in [0, below). `below` is at least 1. */
export function integerBelow(random: Random, below: number): number {
  return Math.floor(random.fraction() * below);
}

/** A new array with the items of `items` in random order (Fisher-Yates). */
export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = integerBelow(random, last + 1);
    const held = result[last] as T;
    result[last] = result[other] as T;
    result[other] = held;
  }
  return result;
}
