/**
 * One trial: a session, with nothing above it, over legs that come and go, through relays that carry badly what they are
 * given ({@link frameLeg}), while others try to get in. As no relay tells a lie, all bytes must come, both ways, and
 * clean ends after them: there is no TLS above that would turn a fault of the session into a mere error. In some trials
 * one end gives up, and the other must see no end; in some the relays lie about limits, and memory must stay bounded.
 */
import assert from 'node:assert';
import { BeaconError } from '../../src/base/errors.ts';
import { SESSION_LEGS, SESSION_WINDOW_BYTES, STREAM_BUFFER_BYTES } from '../../src/base/limits.ts';
import { integerBelow, type Random } from '../../src/base/random.ts';
import type { Link } from '../../src/net/link.ts';
import { MAC_BYTES, SESSION_ID_BYTES, TUNNEL_LAYOUTS } from '../../src/tunnel/frames.ts';
import { attachLeg, beginSession } from '../../src/tunnel/open-leg.ts';
import { SessionStream, type SessionWatcher } from '../../src/tunnel/session-stream.ts';
import { Sessions } from '../../src/tunnel/sessions.ts';
import { type Direction, type FrameDeed, type FrameLeg, frameLeg } from './frame-relay.ts';
import { intruderAtBridge, intruderAtBroker, type Overheard } from './intruders.ts';
import { settled } from './leaks.ts';
import { ManualClock } from './manual-clock.ts';
import { seededRandom } from './seeded-random.ts';
import { SessionEnd } from './session-end.ts';
import { patternOf } from './sim-session.ts';

const QUIET: SessionWatcher = { onLegGone() {}, onSuspect() {}, onMove() {}, onLeave() {} };
const LITTLE = 128 * 1_024;
/** In one trial of so many it is so little that one frame holds it. */
const FEW = 200;
const FEW_EACH = 4;
const LARGEST_CHUNK = 24 * 1_024;
/** More than a window, and what the stream above it holds. */
const MUCH = SESSION_WINDOW_BYTES + 1_048_576;
const OUT = patternOf('broker', MUCH);
const BACK = patternOf('bridge', MUCH);
/** Virtual time within which every trial is over: a session may dangle for a minute, twice. */
const LONGEST_MS = 300_000;
/** For how long a reader reads nothing. */
const STALL_MS = 30_000;
/** Legs of bad relays, one after the other, before all are good. */
const BAD_LEGS = 6;
const LEGS = 2;
/** More than bad legs, intruders and what they drag along take. */
const MOST_LEGS = 50;
/** Every so many moments one leg more is dialled, needed or not. */
const GREEDY_EACH = 12;
/** A session keeps a window and one chunk: what the stream in front of it took at once. */
const MOST_KEPT = SESSION_WINDOW_BYTES + STREAM_BUFFER_BYTES + LARGEST_CHUNK;

/**
 * `plain`: all must come. `stall`: as well, and it is more than a window, and nobody reads for a while. `raise`: as `stall`,
 * and relays raise the limits that readers named. `abort`: one end gives up in the middle.
 */
type Kind = 'plain' | 'stall' | 'raise' | 'abort';

function drawKind(random: Random): Kind {
  const drawn = integerBelow(random, 80);
  if (drawn === 0) return 'stall';
  if (drawn === 1) return 'raise';
  return drawn < 22 ? 'abort' : 'plain';
}

export interface SessionTrialResult {
  readonly deeds: readonly FrameDeed[];
  /** `whole`: all bytes both ways, and clean ends; `error`: a reset, where one was due. */
  readonly outcome: 'whole' | 'error';
}

/** Throws AssertionError when anybody saw what must not be. Leaves nothing behind. */
export async function sessionTrial(seed: number): Promise<SessionTrialResult> {
  const trial = new SessionTrial(seededRandom(seed));
  try {
    return { outcome: await trial.run(), deeds: trial.deeds };
  } finally {
    await trial.close();
  }
}

class SessionTrial {
  readonly deeds: FrameDeed[] = [];
  readonly #random: Random;
  readonly #clock = new ManualClock();
  readonly #key: Buffer;
  readonly #kind: Kind;
  readonly #badLegs: number;
  readonly #sessions: Sessions;
  readonly #legs: { close(): void }[] = [];
  readonly #bad: FrameLeg[] = [];
  readonly #broker: SessionEnd;
  #bridge: SessionEnd | undefined;
  #isArmed = false;
  #legCount = 1;
  #opening = 0;
  /** Legs that were dialled because there were too few. */
  #needed = 0;
  #overheard: Overheard = {};
  /** What must not be, seen where nobody could be told. */
  #wrong: string | undefined;

  constructor(random: Random) {
    this.#random = random;
    this.#key = random.bytes(MAC_BYTES);
    this.#kind = drawKind(random);
    this.#badLegs = 1 + this.#below(BAD_LEGS);
    this.#sessions = new Sessions({
      clock: this.#clock,
      random,
      watcher: QUIET,
      onLegOpened() {},
      onLegFailed() {},
      onSession: (stream) => {
        this.#bridge = this.#end(stream, BACK, OUT);
      },
    });
    const id = random.bytes(SESSION_ID_BYTES);
    const stream = new SessionStream({ role: 'broker', id, clock: this.#clock, watcher: QUIET });
    this.#broker = this.#end(stream, OUT, BACK);
  }

  async run(): Promise<SessionTrialResult['outcome']> {
    const broker = this.#broker;
    beginSession(broker.stream, {
      id: this.#legCount,
      link: this.#linkToBridge(),
      path: [],
      clock: this.#clock,
    });
    await this.#pass(() => this.#bridge !== undefined);
    const bridge = this.#bridge;
    assert(bridge);
    // As the inner TLS does it: the bridge is done when the broker is.
    bridge.stream.establish(this.#key);
    broker.stream.establish(this.#key);
    this.#isArmed = true;
    const [first, last] = this.#below(2) === 0 ? [broker, bridge] : [bridge, broker];
    if (this.#kind === 'abort') return this.#abort(first, last);
    return this.#exchange(first, last);
  }

  async close(): Promise<void> {
    this.#sessions.close();
    this.#broker.stream.destroy();
    this.#bridge?.stream.destroy();
    for (const leg of this.#legs) leg.close();
    await settled(() => this.#clock.pending === 0, 100);
    // What a relay held back.
    await this.#clock.advanceAsync(20_000);
    await settled(() => this.#clock.pending === 0, 100);
    assert.equal(this.#clock.pending, 0, 'timers were left behind');
    assert.equal(this.#sessions.size + this.#sessions.opening, 0, 'a session was left behind');
  }

  /** Both write all; `first` ends amid the trouble, `last` when that has arrived. */
  async #exchange(first: SessionEnd, last: SessionEnd): Promise<SessionTrialResult['outcome']> {
    const stalls = this.#kind === 'stall' || this.#kind === 'raise';
    for (const end of [first, last]) end.write(stalls ? MUCH : this.#length(), end === first);
    if (stalls) await this.#stall();
    for (const end of [first, last]) end.read();
    await this.#pass(
      () => (last.seenEnd && first.received >= last.total) || first.failed || last.failed || first.seenEnd,
    );
    if (this.#kind === 'raise' && (first.failed || last.failed)) return 'error';
    this.#check();
    assert(!first.failed && !last.failed, 'the session failed, though no relay lied');
    assert(!first.seenEnd, 'an end too early');
    // An end that has read and said all lingers for a moment only: from here on a good leg must be there.
    this.#heal();
    last.finish();
    await this.#pass(() => first.isClosed && last.isClosed);
    await this.#pass(() => this.#sessions.size === 0);
    first.checkWhole(last.total);
    last.checkWhole(first.total);
    return 'whole';
  }

  /** Nobody reads, until nothing moves any more. */
  async #stall(): Promise<void> {
    const until = this.#clock.now() + STALL_MS;
    await this.#pass(() => this.#clock.now() >= until);
  }

  async #abort(first: SessionEnd, last: SessionEnd): Promise<SessionTrialResult['outcome']> {
    for (const end of [first, last]) {
      end.write(this.#length(), false);
      end.read();
    }
    const steps = this.#below(6);
    let step = 0;
    await this.#pass(() => {
      step += 1;
      return step > steps * 20;
    });
    first.stream.destroy(new BeaconError('closed', 'given up by a test'));
    await this.#pass(() => last.isClosed);
    assert(!last.seenEnd, 'an end where the other one gave up');
    assert(last.failed, 'no error where the other one gave up');
    return 'error';
  }

  /** The bad relays die, and whoever comes now is good. */
  #heal(): void {
    this.#isArmed = false;
    for (const leg of this.#bad) leg.close();
  }

  /** Every so often there is hardly more than an end. */
  #length(): number {
    return 1 + this.#below(this.#below(FEW_EACH) === 0 ? FEW : LITTLE);
  }

  #end(stream: SessionStream, outgoing: Buffer, incoming: Buffer): SessionEnd {
    return new SessionEnd({ stream, outgoing, incoming, random: this.#random, largestChunk: LARGEST_CHUNK });
  }

  /** Bad relays at first, good ones then. */
  #leg(): FrameLeg {
    const isBad = this.#bad.length < this.#badLegs;
    const overheard: Overheard = {};
    const leg = frameLeg({
      random: this.#random,
      clock: this.#clock,
      oneIn: isBad ? 2 + this.#below(20) : undefined,
      isArmed: () => this.#isArmed,
      isGenerous: this.#kind === 'raise',
      onDeed: (deed) => this.deeds.push(deed),
      onFrame: (frame, direction) => this.#look(frame, direction, overheard),
    });
    this.#legs.push(leg);
    if (isBad) this.#bad.push(leg);
    return leg;
  }

  #look(frame: Buffer, direction: Direction, overheard: Overheard): void {
    switch (frame[0]) {
      case TUNNEL_LAYOUTS.attach.number:
        overheard.attach = frame;
        return;
      case TUNNEL_LAYOUTS.challenge.number:
        overheard.challenge = frame;
        return;
      case TUNNEL_LAYOUTS.prove.number:
        overheard[direction === 'to the bridge' ? 'brokerProof' : 'bridgeProof'] = frame;
        this.#overheard = overheard;
        return;
      case TUNNEL_LAYOUTS.abort.number:
        if (this.#kind === 'plain' || this.#kind === 'stall')
          this.#wrong ??= 'an end gave the session up, though no relay lied';
    }
  }

  /** As a broker does, as many legs as there should be of which none is suspected; and one too many now and then. */
  #dial(): void {
    const { stream } = this.#broker;
    const good = stream.stats.legs.filter(({ suspected }) => !suspected).length;
    const isNeeded = good + this.#opening < LEGS;
    const isGreedy = this.#isArmed && this.#below(GREEDY_EACH) === 0;
    if (!stream.key || !(isNeeded || isGreedy)) return;
    this.#legCount += 1;
    if (isNeeded) this.#needed += 1;
    const isIntruder = this.#isArmed && this.#below(8) === 0;
    const [random, clock] = [this.#random, this.#clock];
    const link = isIntruder ? this.#intruderAtBroker() : this.#linkToBridge();
    this.#opening += 1;
    const { signal } = new AbortController();
    attachLeg(stream, { id: this.#legCount, link, path: [], clock, random, signal }).then(
      () => {
        this.#opening -= 1;
        if (isIntruder) this.#wrong ??= 'the broker has taken an intruder for the bridge';
      },
      () => {
        this.#opening -= 1;
      },
    );
  }

  #linkToBridge(): Link {
    const leg = this.#leg();
    this.#sessions.accept(leg.bridge);
    return leg.broker;
  }

  #intruderAtBroker(): Link {
    const { near, far } = intruderAtBroker(this.#random, this.#hearsay());
    this.#legs.push({ close: () => near.reset() });
    return far;
  }

  /** What an intruder repeats; nothing: it makes all up. */
  #hearsay(): Overheard {
    return this.#below(2) === 0 ? this.#overheard : {};
  }

  #intrude(): void {
    if (!this.#isArmed || this.#below(100) > 0) return;
    const { near, far } = intruderAtBridge(this.#random, this.#broker.stream.id, this.#hearsay(), () => {
      this.#wrong ??= 'the bridge has taken an intruder for the broker';
    });
    this.#legs.push({ close: () => near.reset() });
    this.#sessions.accept(far);
  }

  /** Lets time go by, ever faster, until `done`. */
  async #pass(done: () => boolean): Promise<void> {
    const start = this.#clock.now();
    for (let step = 5; !done(); step = Math.min(500, step * 1.2)) {
      await settled(() => {
        this.#check();
        return done();
      }, 20);
      if (done()) return;
      assert(this.#clock.now() - start < LONGEST_MS, 'it hangs');
      if (this.#bridge) this.#dial();
      this.#intrude();
      this.#clock.advance(step);
    }
  }

  #check(): void {
    if (this.#wrong !== undefined) assert.fail(this.#wrong);
    assert(this.#kind === 'abort' || this.#needed <= MOST_LEGS, 'good legs do not last');
    for (const end of [this.#broker, this.#bridge]) {
      if (!end) continue;
      end.check();
      const { unacknowledgedBytes, legs } = end.stream.stats;
      const unread = end.stream.readableLength;
      assert(legs.length <= SESSION_LEGS, `a session with ${legs.length} legs`);
      assert(unread <= SESSION_WINDOW_BYTES, `${unread} bytes wait for a reader`);
      assert(unacknowledgedBytes <= MOST_KEPT, `${unacknowledgedBytes} bytes wait for an acknowledgement`);
    }
  }

  #below(most: number): number {
    return integerBelow(this.#random, most);
  }
}
