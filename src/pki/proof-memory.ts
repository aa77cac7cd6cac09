/**
 * Chains that were judged good, so that a client which parks again and again costs a hash instead of a millisecond.
 *
 * What is kept follows from the chain's bytes alone and is public; dates and the info_hash are compared each time.
 * Only good chains are kept: whoever fills the memory has to sign a certificate for every entry, and all he gains is
 * that others are judged in full again.
 */
import { createHash } from 'node:crypto';
import { PROOF_MEMORY_CHAINS } from '../base/limits.ts';
import type { Role } from '../wire/frames.ts';

export interface ProvenChain {
  /** SHA-256 of the leaf's DER, 64 lower-case hex digits. */
  readonly leafFingerprint: string;
  /** The span in which every certificate of the chain is valid, in milliseconds since 1970. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export class ProofMemory {
  readonly #limit: number;
  readonly #proven = new Map<string, ProvenChain>();

  constructor(limit: number = PROOF_MEMORY_CHAINS) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#proven.size;
  }

  find(key: string): ProvenChain | undefined {
    const proven = this.#proven.get(key);
    if (proven) {
      this.#proven.delete(key);
      this.#proven.set(key, proven);
    }
    return proven;
  }

  /** Drops the chain that was used longest ago when full. */
  keep(key: string, proven: ProvenChain): void {
    this.#proven.set(key, proven);
    if (this.#proven.size <= this.#limit) return;
    for (const oldest of this.#proven.keys()) {
      this.#proven.delete(oldest);
      return;
    }
  }
}

/** The same key for the same certificates in the same order and role only: each length is hashed with its bytes. */
export function memoryKey(chain: readonly Buffer[], role: Role): string {
  const hash = createHash('sha256').update(role);
  for (const der of chain) hash.update(`:${der.length}:`).update(der);
  return hash.digest('base64');
}
