/**
 * One trial: a whole tunnel (session, inner TLS, HTTP/2, one stream with known bytes both ways) over two legs, of which
 * relays harm one or both. Whoever reads gets the right bytes, or an error; never wrong ones, and no end too early.
 */
import assert from 'node:assert';
import { systemClock } from '../../src/base/clock.ts';
import { integerBelow, type Random, systemRandom } from '../../src/base/random.ts';
import type { Link } from '../../src/net/link.ts';
import { BridgeTunnel } from '../../src/tunnel/bridge-tunnel.ts';
import { BrokerTunnel } from '../../src/tunnel/broker-tunnel.ts';
import type { SessionWatcher } from '../../src/tunnel/session-stream.ts';
import { Sessions } from '../../src/tunnel/sessions.ts';
import { type Deed, type HostileLeg, hostileLeg } from './hostile-relay.ts';
import { settled } from './leaks.ts';
import { ManualClock } from './manual-clock.ts';
import { memoryLinks } from './memory-link.ts';
import { seededRandom } from './seeded-random.ts';
import { patternOf } from './sim-session.ts';
import { type Watched, watch } from './streams.ts';
import { identityOf, TARGET } from './tunnels.ts';

const QUIET: SessionWatcher = { onLegGone() {}, onSuspect() {}, onMove() {}, onLeave() {} };
const MOST = 96 * 1_024;
const OUT = patternOf('broker', MOST);
const BACK = patternOf('bridge', MOST);
/** Virtual time within which every trial is over: a session may dangle for a minute, twice. */
const LONGEST_MS = 300_000;

export interface TrialResult {
  readonly deeds: readonly Deed[];
  /** `none`: no tunnel came about; `whole`: all bytes both ways, and clean ends; `error`: anything else. */
  readonly outcome: 'none' | 'whole' | 'error';
}

/** Throws AssertionError when anybody saw what must not be. Leaves nothing behind. */
export async function hostileTrial(seed: number): Promise<TrialResult> {
  const trial = new Trial(seededRandom(seed));
  try {
    return { outcome: await trial.run(), deeds: trial.deeds };
  } finally {
    await trial.close();
  }
}

class Trial {
  readonly deeds: Deed[] = [];
  readonly #random: Random;
  readonly #clock = new ManualClock(systemClock.wall());
  readonly #sessions: Sessions;
  readonly #legs: HostileLeg[] = [];
  readonly #signal = new AbortController().signal;
  /** 0: the first leg is harmed, 1: the second, 2: both. */
  readonly #which: number;
  readonly #tunnels: (BrokerTunnel | BridgeTunnel)[] = [];
  #arrived: Link | undefined;
  #isUnopened = false;

  constructor(random: Random) {
    this.#random = random;
    this.#which = integerBelow(random, 3);
    this.#sessions = new Sessions({
      clock: this.#clock,
      random: systemRandom,
      watcher: QUIET,
      onLegOpened: () => {},
      onLegFailed: () => {},
      onSession: (stream) => {
        BridgeTunnel.accept(stream, this.#identity('bridge'), () => Promise.resolve(memoryLinks()[0]), {
          onStream: (link) => {
            this.#arrived = link;
          },
          onRefused: () => {},
        }).then(
          (tunnel) => this.#tunnels.push(tunnel),
          () => {},
        );
      },
    });
  }

  async run(): Promise<TrialResult['outcome']> {
    const broker = await this.#open();
    if (!broker) return 'none';
    const [out, back] = [1 + integerBelow(this.#random, MOST), 1 + integerBelow(this.#random, MOST)];
    await this.#pass(() => broker.attachable || !broker.usable);
    broker.attach({ link: this.#leg(1), path: ['relay-1'] }, this.#signal).catch(() => {});
    if (!broker.usable) return 'none';
    const { link, accepted } = broker.connect(TARGET);
    accepted.catch(() => {});
    const atBroker = watch(link.stream);
    link.stream.end(OUT.subarray(0, out));
    await this.#pass(() => this.#arrived !== undefined || atBroker.events.includes('close'));
    if (!this.#arrived) {
      checkBytes(atBroker, BACK.subarray(0, 0));
      return 'error';
    }
    const atBridge = watch(this.#arrived.stream);
    this.#arrived.stream.end(BACK.subarray(0, back));
    const over = (seen: Watched): boolean => seen.events.includes('close') || seen.events.includes('end');
    await this.#pass(() => over(atBroker) && over(atBridge));
    const whole = [checkBytes(atBroker, BACK.subarray(0, back)), checkBytes(atBridge, OUT.subarray(0, out))];
    return whole.every(Boolean) ? 'whole' : 'error';
  }

  async close(): Promise<void> {
    this.#sessions.close();
    for (const tunnel of this.#tunnels) tunnel.destroy();
    for (const leg of this.#legs) leg.close();
    await settled(() => this.#clock.pending === 0, 100);
    // What a relay held back, and a stream that waits for its acceptance.
    await this.#clock.advanceAsync(20_000);
    await settled(() => this.#clock.pending === 0, 100);
    assert.equal(this.#clock.pending, 0, 'timers were left behind');
    assert.equal(this.#sessions.size + this.#sessions.opening, 0, 'a session was left behind');
  }

  async #open(): Promise<BrokerTunnel | undefined> {
    const options = { identity: this.#identity('broker'), random: systemRandom, watcher: QUIET };
    let broker: BrokerTunnel | undefined;
    BrokerTunnel.open({ link: this.#leg(0), path: ['relay-0'] }, options).then(
      (tunnel) => {
        broker = tunnel;
        this.#tunnels.push(tunnel);
      },
      () => {
        this.#isUnopened = true;
      },
    );
    await this.#pass(() => broker !== undefined || this.#isUnopened);
    return broker;
  }

  #identity(role: 'broker' | 'bridge'): ReturnType<typeof identityOf> {
    return { ...identityOf(role), clock: this.#clock };
  }

  /** The broker's end of a leg; the bridge has taken the other one. */
  #leg(number: number): Link {
    const isHarmed = this.#which === 2 || this.#which === number;
    const malice = {
      random: this.#random,
      clock: this.#clock,
      // One in four harms the handshakes.
      after: integerBelow(this.#random, 4) === 0 ? 0 : 6_000 + integerBelow(this.#random, 60_000),
      oneIn: 2 + integerBelow(this.#random, 30),
      onDeed: (deed: Deed) => this.deeds.push(deed),
    };
    const leg = hostileLeg(isHarmed ? malice : undefined);
    this.#legs.push(leg);
    this.#sessions.accept(leg.bridge);
    return leg.broker;
  }

  /** Lets time go by, ever faster, until `done`. */
  async #pass(done: () => boolean): Promise<void> {
    const start = this.#clock.now();
    for (let step = 5; !done(); step = Math.min(500, step * 1.2)) {
      await settled(done, 20);
      if (done()) return;
      assert(this.#clock.now() - start < LONGEST_MS, 'it hangs');
      this.#clock.advance(step);
    }
  }
}

/** Whether all of them came, with an end. */
function checkBytes(seen: Watched, expected: Buffer): boolean {
  const { bytes } = seen;
  assert(bytes.equals(expected.subarray(0, bytes.length)), 'wrong bytes');
  if (!seen.events.includes('end')) return false;
  assert.equal(bytes.length, expected.length, 'an end too early');
  return true;
}
