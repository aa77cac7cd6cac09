/** What `beacon doctor` is made of, in one process, for tests: ways to relays, and trials with one set of certificates. */
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { issueEnds } from '../../src/doctor/ends.ts';
import type { TrialOptions } from '../../src/doctor/trial.ts';
import type { Trial } from '../../src/doctor/types.ts';
import type { Way } from '../../src/doctor/ways.ts';
import { makePki } from './certificates.ts';
import { HOST } from './net-links.ts';

/** The way to a relay at `port`. */
export function wayTo(port: number, more: Partial<Way> = {}): Way {
  const address = { host: HOST, port };
  return { name: `${HOST}:${port}`, address, serverName: HOST, proxy: undefined, ...more };
}

/** Trials by the CA of {@link makePki}. */
export function trialOptions(more: Partial<TrialOptions> = {}): TrialOptions {
  const { bridgeCa, relayCa } = makePki();
  return {
    trust: { relayCa: [relayCa.certificate], pins: [] },
    ends: issueEnds(bridgeCa, { clock: systemClock, random: systemRandom }),
    clock: systemClock,
    random: systemRandom,
    ...more,
  };
}

/** A trial of two relays by their names, or of one, that went well; `more` says otherwise. */
export function madeUpTrial(broker: string, bridge: string, more: Partial<Trial> = {}): Trial {
  const at = (name: string) => ({ node: `node-${name}`, zone: '' });
  return {
    broker,
    bridge,
    ms: 12,
    steps: [{ name: 'pair', ms: 3, text: 'well' }],
    parkedAt: at(bridge),
    path: broker === bridge ? [at(broker)] : [at(broker), at(bridge)],
    ...more,
  };
}
