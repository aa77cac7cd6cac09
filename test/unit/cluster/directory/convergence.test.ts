/**
 * Whatever happens to nodes and messages: once it is quiet, every directory equals what the nodes hold, and names only
 * nodes that live.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type InfoHash, parseInfoHash } from '../../../../src/base/info-hash.ts';
import { integerBelow } from '../../../../src/base/random.ts';
import { ClusterNetwork, FAIR, type Process } from '../../../support/cluster-network.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

const SEED = 20_300_101;
const NAMES = ['a', 'b', 'c', 'd', 'e'] as const;
const DAY_MS = 86_400_000;
const STORM = { minLatencyMs: 1, maxLatencyMs: 600, loss: 0.2, duplicate: 0.2 };
/** Longer than the longest pause between two pulls. */
const QUIET_MS = 45_000;

const name = fc.constantFrom(...NAMES);
const step = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constant('churn' as const),
      name,
      /** Below one half, more leaves than parks. */
      parking: fc.constantFrom(0.2, 0.6, 0.9),
      changes: fc.integer({ min: 1, max: 40 }),
      seed: fc.nat(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), name }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('restart' as const),
      name,
      wallOffsetMs: fc.constantFrom(0, -DAY_MS, DAY_MS),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('partition' as const),
      side: fc.uniqueArray(name, { minLength: 1, maxLength: 4 }),
      closed: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('deafen' as const), from: name, to: name }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('heal' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), name, other: name }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 2_500 }) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const HASHES = Array.from({ length: 24 }, (_, at) => parseInfoHash(`${at + 10}`.repeat(32)));
const INSTANCES = Array.from({ length: 3 }, (_, at) => `${at}`.repeat(32));

/** What is parked at each process, kept apart from its directory: the truth to compare with. */
class Truth {
  readonly #parks = new Map<Process, { readonly hash: InfoHash; readonly instance: string }[]>();

  at(process: Process): { readonly hash: InfoHash; readonly instance: string }[] {
    const parks = this.#parks.get(process) ?? [];
    this.#parks.set(process, parks);
    return parks;
  }

  /** Where a directory sends brokers to the wrong node, or names the wrong instances. */
  mistakes(network: ClusterNetwork): string[] {
    const mistakes: string[] = [];
    for (const observer of network.alive) {
      for (const hash of HASHES) {
        const told = observer.directory
          .holders(hash, network.now)
          .map((holder) => `${holder.node} ${[...holder.instances].sort()}`);
        const fact = network.alive.flatMap((each) => {
          const here = this.at(each).filter((park) => park.hash === hash);
          const instances = [...new Set(here.map((park) => park.instance))].sort();
          return each === observer || here.length === 0 ? [] : [`${each.name} ${instances}`];
        });
        if (told.sort().join(', ') === fact.sort().join(', ')) continue;
        mistakes.push(`${observer.name} takes [${told}] for holders, not [${fact}]`);
      }
    }
    return mistakes;
  }
}

/** Bridges come and go at one process, a few milliseconds apart. */
function churn(process: Process, step: Step & { do: 'churn' }, network: ClusterNetwork, truth: Truth): void {
  const random = seededRandom(step.seed);
  const parks = truth.at(process);
  for (let change = 0; change < step.changes; change += 1) {
    if (random.fraction() < step.parking) {
      const park = {
        hash: HASHES[integerBelow(random, HASHES.length)] as InfoHash,
        instance: INSTANCES[integerBelow(random, INSTANCES.length)] as string,
      };
      parks.push(park);
      network.change(process, (directory) => directory.parked(park.hash, park.instance, network.now));
    } else {
      const [park] = parks.splice(integerBelow(random, Math.max(1, parks.length)), 1);
      if (park)
        network.change(process, (directory) => directory.unparked(park.hash, park.instance, network.now));
    }
    network.run(integerBelow(random, 20));
  }
}

function perform(step: Step, network: ClusterNetwork, truth: Truth): void {
  const running = (name: string): Process | undefined => network.alive.find((each) => each.name === name);
  switch (step.do) {
    case 'churn': {
      const process = running(step.name);
      if (process) churn(process, step, network, truth);
      return;
    }
    case 'kill':
      for (const process of network.alive) if (process.name === step.name) network.kill(process);
      return;
    case 'restart':
      for (const process of network.alive) if (process.name === step.name) network.kill(process);
      network.start(step.name, { wallOffsetMs: step.wallOffsetMs });
      return;
    case 'partition':
      return network.partition(step.side, step.closed);
    case 'deafen':
      return network.swallow([step.from], [step.to]);
    case 'heal':
      return network.heal();
    case 'close': {
      const [a, b] = [running(step.name), running(step.other)];
      if (a && b && a.connections.has(b)) network.disconnect(a, b);
      return;
    }
    case 'wait':
      return network.run(step.ms);
  }
}

describe('any order, loss, duplication and reordering of messages, restarts and partitions', () => {
  it('ends in equal directories that name only live nodes, without one digest that did not match', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(step, { minLength: 20, maxLength: 80 }), (seed, steps) => {
        const network = new ClusterNetwork({
          random: seededRandom(seed),
          weather: STORM,
          limits: { removals: 4, pageEntryBytes: 300 },
        });
        const truth = new Truth();
        // Two starts in a row with the clock set back may choose one incarnation; digests tell them apart.
        const clocksGoOn = !steps.some((each) => each.do === 'restart' && each.wallOffsetMs < 0);
        for (const each of NAMES) network.start(each);
        network.run(1_500);
        for (const each of steps) perform(each, network, truth);
        network.weather = FAIR;
        network.heal();
        network.run(QUIET_MS);
        expect(network.disagreements()).toEqual([]);
        expect(truth.mistakes(network)).toEqual([]);
        for (const process of network.alive) {
          if (clocksGoOn) expect(process.directory.snapshot(network.now).doubts).toBe(0);
          expect(process.events.filter((event) => event.do === 'superseded')).toEqual([]);
        }
      }),
      { seed: SEED, numRuns: 60 },
    );
  });
});
