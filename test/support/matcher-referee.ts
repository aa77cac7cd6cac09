/**
 * Plays random sequences of inputs to a Matcher and judges every effect by a naive model of what a relay would then
 * look like: plain arrays, searched from end to end. It knows the rules of issue 2, part 5, and nothing of how the
 * matcher keeps its books.
 */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import type { InfoHash } from '../../src/base/info-hash.ts';
import type { Effect } from '../../src/relay/effects.ts';
import type { ConnectionId } from '../../src/relay/lot.ts';
import { Matcher } from '../../src/relay/matcher.ts';
import { seededRandom } from './seeded-random.ts';

export const TIMES = {
  brokerWaitMs: 10_000,
  acceptTimeoutMs: 2_000,
  pingIntervalMs: 15_000,
  pongTimeoutMs: 5_000,
} as const;

/** A matcher of node `here` whose pair ids are `pair-1`, `pair-2` and so on. */
export function newMatcher(): Matcher {
  let pairs = 0;
  const newPairId = (): string => {
    pairs += 1;
    return `pair-${pairs}`;
  };
  return new Matcher({
    node: 'here',
    zone: '',
    // One node, with slots for all: forwards and lines have tests of their own.
    slots: 1_000,
    holderTries: 3,
    seekPauseMs: 50,
    holders: () => [],
    random: seededRandom(1),
    ...TIMES,
    newPairId,
  });
}

/** What concerns the clients of this node; adverts and watches are judged where several matchers talk to each other. */
export function aboutClients(effects: readonly Effect[]): Effect[] {
  return effects.filter((effect) => !['parked', 'unparked', 'watch', 'unwatch'].includes(effect.do));
}

const HASHES = ['aa', 'bb'].map((byte) => byte.repeat(32) as InfoHash);
const INSTANCES = ['i0', 'i1', 'i2'];

/** One input; `pick` chooses among the connections there are, so that any part of a sequence makes sense. */
export type Step =
  | { do: 'park'; hash: number; instance: number }
  | { do: 'connect'; hash: number; wanted: number | undefined; except: number[]; avoid: boolean }
  | { do: 'accept'; pick: number; right: boolean }
  | { do: 'pong'; pick: number; right: boolean }
  | { do: 'left'; pick: number }
  | { do: 'pass'; ms: number; late: boolean };

const hash = fc.nat({ max: HASHES.length - 1 });
const instance = fc.nat({ max: INSTANCES.length - 1 });
const pick = fc.nat({ max: 50 });
/** Milliseconds: within an offer, or a good part of the longer times. */
const span = fc.oneof(fc.nat({ max: 2_500 }), fc.nat({ max: 16_000 }));
const mostly = fc.integer({ min: 0, max: 7 }).map((value) => value > 0);
const kinds: readonly [number, fc.Arbitrary<Step>][] = [
  [5, fc.record({ do: fc.constant('park' as const), hash, instance })],
  [
    4,
    fc.record({
      do: fc.constant('connect' as const),
      hash,
      wanted: fc.option(instance, { nil: undefined, freq: 3 }),
      except: fc.array(instance, { maxLength: 2 }),
      avoid: mostly.map((most) => !most),
    }),
  ],
  [4, fc.record({ do: fc.constant('accept' as const), pick, right: mostly })],
  [3, fc.record({ do: fc.constant('pong' as const), pick, right: mostly })],
  [2, fc.record({ do: fc.constant('left' as const), pick })],
  [6, fc.record({ do: fc.constant('pass' as const), ms: span, late: fc.boolean() })],
];
export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(...kinds.map(([weight, arbitrary]) => ({ weight, arbitrary }))),
  { maxLength: 120, size: 'max' },
);

interface Bridge {
  readonly id: ConnectionId;
  readonly hash: InfoHash;
  readonly instance: string;
  pingAt: number;
  pongBy: number | undefined;
  token: number | undefined;
}

interface Broker {
  readonly id: ConnectionId;
  readonly hash: InfoHash;
  readonly wanted: string | undefined;
  readonly except: readonly string[];
  pingAt: number;
  refuseAt: number | undefined;
  offer: { readonly bridge: Bridge; readonly pairId: string; readonly acceptBy: number } | undefined;
}

export class Referee {
  readonly #matcher = newMatcher();
  /** Fed the same; must answer the same. */
  readonly #twin = newMatcher();
  #lot: Bridge[] = [];
  #line: Broker[] = [];
  /** Instances with parks in the lot, by info_hash, in the order of their turns. */
  readonly #turns = new Map<InfoHash, string[]>(HASHES.map((each) => [each, []]));
  #now = 0;
  #lastId = 0;

  /** Plays `list`, then lets everybody leave. Throws where a rule is broken. */
  play(list: readonly Step[]): void {
    for (const step of list) this.#step(step);
    for (const { id } of [...this.#lot, ...this.#line]) this.#left(id);
    for (const { id } of this.#lot) this.#left(id);
    deepStrictEqual([this.#matcher.parked, this.#matcher.waiting], [0, 0], 'somebody was forgotten');
    strictEqual(this.#matcher.nextDeadline(), undefined, 'a deadline was forgotten');
  }

  #step(step: Step): void {
    switch (step.do) {
      case 'park':
        this.#park(HASHES[step.hash] as InfoHash, INSTANCES[step.instance] as string);
        break;
      case 'connect':
        this.#connect(step);
        break;
      case 'accept':
        this.#accept(step);
        break;
      case 'pong':
        this.#pong(step);
        break;
      case 'left': {
        const everybody = [...this.#lot, ...this.#line, ...this.#offered().map(({ bridge }) => bridge)];
        this.#left(pickOf(everybody, step.pick)?.id ?? 999_999);
        break;
      }
      case 'pass':
        this.#pass(step.ms, step.late);
    }
    this.#check();
  }

  #ask(input: (matcher: Matcher) => Effect[]): Effect[] {
    const effects = input(this.#matcher);
    deepStrictEqual(input(this.#twin), effects, 'the same inputs had other outputs');
    return aboutClients(effects);
  }

  #park(infoHash: InfoHash, name: string): void {
    const id = this.#newId();
    const effects = this.#ask((each) => each.park({ connection: id, infoHash, instance: name }, this.#now));
    const bridge = { id, hash: infoHash, instance: name, pingAt: this.#now + TIMES.pingIntervalMs };
    const added: Bridge = { ...bridge, pongBy: undefined, token: undefined };
    const first = this.#line.find((broker) => !broker.offer && takes(added, broker));
    if (first) {
      const [offer] = expectKinds(effects, 'offer');
      return this.#offer(offer, added, first);
    }
    expectKinds(effects);
    this.#lot.push(added);
    const turns = this.#turnsOf(infoHash);
    if (!turns.includes(name)) turns.push(name);
  }

  #connect(step: Extract<Step, { do: 'connect' }>): void {
    const id = this.#newId();
    const infoHash = HASHES[step.hash] as InfoHash;
    const wanted = step.wanted === undefined ? undefined : INSTANCES[step.wanted];
    const except = step.except.map((each) => INSTANCES[each] as string);
    const avoid = step.avoid ? ['there', 'here'] : ['there'];
    const request = { connection: id, infoHash, wanted, except, avoid };
    const effects = this.#ask((each) => each.connect(request, this.#now));
    if (step.avoid) return deepStrictEqual(effects, [{ do: 'refuse', connection: id, code: 'avoided' }]);
    const pingAt = this.#now + TIMES.pingIntervalMs;
    const broker = { id, hash: infoHash, wanted, except, pingAt, refuseAt: undefined, offer: undefined };
    this.#line.push(broker);
    this.#serve(effects, broker);
    strictEqual(effects.length, 0, 'an effect too many');
  }

  /** Takes from `effects` what must happen to a broker without an offer: the right park, or WAITING. */
  #serve(effects: Effect[], broker: Broker): void {
    const effect = effects.shift();
    const name = this.#turnsOf(broker.hash).find((each) =>
      takes({ hash: broker.hash, instance: each }, broker),
    );
    if (name === undefined) {
      deepStrictEqual(effect, { do: 'waiting', broker: broker.id });
      broker.refuseAt = this.#now + TIMES.brokerWaitMs;
      return;
    }
    const newest = this.#lot.findLast((each) => each.hash === broker.hash && each.instance === name);
    ok(newest);
    this.#unpark(newest);
    const turns = this.#turnsOf(broker.hash);
    if (turns.includes(name)) turns.push(...turns.splice(turns.indexOf(name), 1));
    this.#offer(effect, newest, broker);
  }

  #offer(effect: Effect | undefined, bridge: Bridge, broker: Broker): void {
    ok(effect?.do === 'offer', 'a park that fits is not offered');
    strictEqual(effect.bridge, bridge.id, 'another park had its turn');
    ok(takes(bridge, broker), 'a broker was offered a bridge that it does not take');
    ok(!this.#offered().some(({ pairId }) => pairId === effect.pairId), 'a pair id was used twice');
    broker.refuseAt = undefined;
    broker.offer = { bridge, pairId: effect.pairId, acceptBy: this.#now + TIMES.acceptTimeoutMs };
  }

  #accept({ pick: index, right }: Extract<Step, { do: 'accept' }>): void {
    const broker = pickOf(
      this.#line.filter(({ offer }) => offer),
      index,
    );
    if (!broker?.offer) return;
    const { bridge, pairId } = broker.offer;
    const effects = this.#ask((each) => each.accept(bridge.id, right ? pairId : 'pair-0'));
    if (!right) {
      deepStrictEqual(effects, [{ do: 'drop', connection: bridge.id, reason: 'pairMismatch' }]);
      return this.#left(bridge.id);
    }
    const { id } = broker;
    const pair = { do: 'pair', broker: id, bridge: bridge.id, pairId, bridgeInstance: bridge.instance };
    deepStrictEqual(effects, [pair]);
    this.#line = this.#line.filter((each) => each !== broker);
    deepStrictEqual([...this.#askLeft(id), ...this.#askLeft(bridge.id)], [], 'a splice is not ours');
  }

  #pong({ pick: index, right }: Extract<Step, { do: 'pong' }>): void {
    const bridge = pickOf(this.#lot, index);
    if (!bridge) return;
    const token = right ? (bridge.token ?? 0) : 4_000_000;
    for (const each of [this.#matcher, this.#twin]) each.pong(bridge.id, token, this.#now);
    if (token !== bridge.token) return;
    Object.assign(bridge, { token: undefined, pongBy: undefined, pingAt: this.#now + TIMES.pingIntervalMs });
  }

  #left(id: ConnectionId): void {
    const effects = this.#askLeft(id);
    const bridge = this.#lot.find((each) => each.id === id);
    if (bridge) this.#unpark(bridge);
    const gone = this.#line.find((each) => each.id === id);
    if (gone) {
      this.#line = this.#line.filter((each) => each !== gone);
      if (gone.offer) this.#dropped(effects, gone.offer.bridge.id, 'brokerLeft');
    }
    const offered = this.#line.find(({ offer }) => offer?.bridge.id === id);
    if (offered) {
      offered.offer = undefined;
      this.#serve(effects, offered);
    }
    strictEqual(effects.length, 0, 'an effect too many');
  }

  #askLeft(id: ConnectionId): Effect[] {
    return this.#ask((each) => each.left(id, this.#now));
  }

  #dropped(effects: Effect[], connection: ConnectionId, reason: string): void {
    deepStrictEqual(effects.shift(), { do: 'drop', connection, reason });
    deepStrictEqual(this.#askLeft(connection), [], 'a dropped connection was still known');
  }

  /** Lets time pass: from deadline to deadline as a relay does, or all at once as after a stall. */
  #pass(ms: number, late: boolean): void {
    const until = this.#now + ms;
    for (let next = this.#matcher.nextDeadline(); !late && next !== undefined && next <= until; ) {
      this.#now = next;
      this.#tick();
      next = this.#matcher.nextDeadline();
    }
    this.#now = until;
    this.#tick();
  }

  #tick(): void {
    const effects = this.#ask((each) => each.tick(this.#now));
    while (effects.length > 0) {
      const [effect] = effects as [Effect];
      if (effect.do === 'ping') this.#pinged(effects.shift() as typeof effect);
      else if (effect.do === 'drop') this.#tickDrop(effects, effect);
      else {
        ok(effect.do === 'refuse', `${effect.do} out of place`);
        this.#refused(effects);
      }
    }
    const next = this.#matcher.nextDeadline();
    ok(next === undefined || next > this.#now, 'a deadline was left behind');
  }

  #pinged({ connection, token }: Extract<Effect, { do: 'ping' }>): void {
    const bridge = this.#lot.find(({ id }) => id === connection);
    const pinged = bridge ?? this.#line.find(({ id }) => id === connection);
    ok(pinged && pinged.pingAt <= this.#now, 'a ping to nobody, or before its time');
    pinged.pingAt = bridge ? Number.POSITIVE_INFINITY : this.#now + TIMES.pingIntervalMs;
    if (bridge) Object.assign(bridge, { token, pongBy: this.#now + TIMES.pongTimeoutMs });
  }

  #tickDrop(effects: Effect[], { connection }: Extract<Effect, { do: 'drop' }>): void {
    const bridge = this.#lot.find(({ id }) => id === connection);
    if (bridge) {
      ok(bridge.pongBy !== undefined && bridge.pongBy <= this.#now, 'dropped before its time');
      this.#unpark(bridge);
      return this.#dropped(effects, connection, 'noPong');
    }
    const broker = this.#line.find(({ offer }) => offer?.bridge.id === connection);
    ok(broker?.offer && broker.offer.acceptBy <= this.#now, 'dropped nobody, or before its time');
    this.#dropped(effects, connection, 'noAccept');
    broker.offer = undefined;
    this.#serve(effects, broker);
  }

  #refused(effects: Effect[]): void {
    const effect = effects.shift();
    const due = this.#line.filter(({ refuseAt }) => refuseAt !== undefined && refuseAt <= this.#now);
    const refused = due.find(({ id }) => effect?.do === 'refuse' && effect.connection === id);
    ok(refused, 'refused nobody, or before its time');
    deepStrictEqual(effect, { do: 'refuse', connection: refused.id, code: 'noBridge' });
    this.#line = this.#line.filter((each) => each !== refused);
    deepStrictEqual(this.#askLeft(refused.id), [], 'a refused broker was still known');
  }

  #check(): void {
    strictEqual(this.#matcher.parked, this.#lot.length);
    strictEqual(this.#matcher.waiting, this.#line.length);
    const everybody = [...this.#lot, ...this.#line, ...this.#offered().map(({ bridge }) => bridge)];
    strictEqual(new Set(everybody.map(({ id }) => id)).size, everybody.length, 'in two places');
    for (const broker of this.#line) {
      const fitting = broker.offer ? undefined : this.#lot.find((bridge) => takes(bridge, broker));
      ok(!fitting, 'a broker waits beside a park that fits');
    }
    const deadlines = [
      ...[...this.#lot, ...this.#line].map(({ pingAt }) => pingAt),
      ...this.#lot.map(({ pongBy }) => pongBy),
      ...this.#line.map(({ refuseAt }) => refuseAt),
      ...this.#offered().map(({ acceptBy }) => acceptBy),
    ].filter((each) => each !== undefined);
    const next = Math.min(...deadlines);
    strictEqual(this.#matcher.nextDeadline(), next === Number.POSITIVE_INFINITY ? undefined : next);
  }

  #unpark(bridge: Bridge): void {
    this.#lot = this.#lot.filter((each) => each !== bridge);
    const { hash: infoHash, instance: name } = bridge;
    if (this.#lot.some((each) => each.hash === infoHash && each.instance === name)) return;
    const turns = this.#turnsOf(infoHash);
    turns.splice(turns.indexOf(name), 1);
  }

  #offered(): NonNullable<Broker['offer']>[] {
    return this.#line.flatMap(({ offer }) => offer ?? []);
  }

  #turnsOf(infoHash: InfoHash): string[] {
    return this.#turns.get(infoHash) as string[];
  }

  #newId(): ConnectionId {
    this.#lastId += 1;
    return this.#lastId;
  }
}

/** The rule of PROTOCOL.md, section 5: which bridge a broker takes. */
function takes(bridge: Pick<Bridge, 'hash' | 'instance'>, broker: Broker): boolean {
  if (bridge.hash !== broker.hash) return false;
  if (broker.except.some((each) => each === bridge.instance)) return false;
  return broker.wanted === undefined || broker.wanted === bridge.instance;
}

function expectKinds(effects: readonly Effect[], ...expected: Effect['do'][]): readonly Effect[] {
  deepStrictEqual(
    effects.map((effect) => effect.do),
    expected,
  );
  return effects;
}

function pickOf<T>(items: readonly T[], index: number): T | undefined {
  return items[index % Math.max(1, items.length)];
}
