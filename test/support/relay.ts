/** A relay on real sockets whose time stands still, for tests. */
import { expect, onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { DRAIN_TIMEOUT_DEFAULT_MS, REFUSED_LINGER_MS } from '../../src/base/limits.ts';
import { createLog } from '../../src/base/log.ts';
import { systemRandom } from '../../src/base/random.ts';
import { ProofMemory } from '../../src/pki/proof-memory.ts';
import type { AdmissionPolicy } from '../../src/relay/admission.ts';
import { Relay } from '../../src/relay/relay.ts';
import type { RelayOptions } from '../../src/relay/relay-options.ts';
import { ManualClock, settle } from './manual-clock.ts';
import { relayCredentials } from './net-links.ts';

/** A relay on a free port whose time stands still, closed after the test. */
export async function startRelay(options: Partial<RelayOptions> = {}, policy: Partial<AdmissionPolicy> = {}) {
  const clock = new ManualClock(systemClock.wall() + 1_000);
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line));
  const memory = new ProofMemory();
  const relay = new Relay({
    host: '127.0.0.1',
    port: 0,
    credentials: relayCredentials(),
    node: 'relay-0',
    zone: 'eu-1',
    policy: () => ({ allowUnproven: false, allowed: undefined, memory, ...policy }),
    drainTimeoutMs: DRAIN_TIMEOUT_DEFAULT_MS,
    clock,
    random: systemRandom,
    log: createLog({ level: 'debug', format: 'json', write }),
    ...options,
  });
  const { port } = await relay.listen();
  onTestFinished(async () => {
    const closed = relay.close();
    await settle();
    clock.advance(REFUSED_LINGER_MS);
    await closed;
    expect(clock.pending).toBe(0);
  });
  return { relay, clock, lines, port };
}
