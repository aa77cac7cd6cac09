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
