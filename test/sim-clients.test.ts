/** Bridges and brokers of a run, with relays of a few lines: what holds for them whatever relays do. */
import { describe, expect, it } from 'vitest';
import { SESSION_DANGLING_MS } from '../src/base/limits.ts';
import type { Hello } from '../src/wire/frames.ts';
import { refusal } from '../src/wire/refusal.ts';
import type { StreamPlan } from './scenario/scenario.ts';
import { AUTHORITIES, type Authority } from './sim/authorities.ts';
import { SimBridge } from './sim/bridge.ts';
import { SimBroker } from './sim/broker.ts';
import type { Message } from './sim/message.ts';
import { type SimLink, SimNet } from './sim/net.ts';
import { ProcessClock } from './sim/process-clock.ts';
import { World } from './sim/world.ts';

interface Parked {
  readonly link: SimLink<Message>;
  readonly hello: Hello;
}

/** One node: pairs who fits, and splices. */
class SmallRelay {
  readonly #world: World;
  readonly #name: string;
  readonly #lot: Parked[] = [];
  draining = false;

  constructor(world: World, net: SimNet<Message>, name: string) {
    this.#world = world;
    this.#name = name;
    net.listen(name, (link) => this.#onLink(link));
  }

  get parked(): number {
    return this.#lot.length;
  }

  drain(): void {
    this.draining = true;
    for (const { link } of this.#lot) {
      link.send({ frame: { type: 'draining', node: this.#name } });
      link.send({ frame: { type: 'goaway', reconnectAfterMs: 500 } });
    }
  }

  #onLink(link: SimLink<Message>): void {
    link.handle({
      onEnd: () => this.#forget(link),
      onMessage: (message) => {
        if ('hello' in message) this.#onHello(link, message.hello);
        else if ('frame' in message && message.frame.type === 'ping')
          link.send({ frame: { type: 'pong', token: message.frame.token } });
      },
    });
  }

  #onHello(link: SimLink<Message>, hello: Hello): void {
    if (this.draining) return this.#refuse(link, 'draining');
    if (hello.role === 'connect') return this.#pair(link, hello);
    this.#lot.push({ link, hello });
    link.send({
      frame: { type: 'parked', node: this.#name, zone: '', incarnation: 1, pingIntervalMs: 15_000 },
    });
  }

  #refuse(link: SimLink<Message>, code: 'draining' | 'avoided' | 'noBridge'): void {
    link.send({ frame: refusal(code) });
    link.close();
  }

  #pair(link: SimLink<Message>, { infoHash, wanted, except, avoid }: Hello): void {
    if (avoid.includes(this.#name)) return this.#refuse(link, 'avoided');
    const park = this.#lot.find(
      ({ hello }) =>
        hello.infoHash.equals(infoHash) &&
        (!wanted || wanted.equals(hello.instance)) &&
        !except.some((each) => each.equals(hello.instance)),
    );
    if (!park) return this.#refuse(link, 'noBridge');
    this.#forget(park.link);
    const pairId = this.#world.random.bytes(16);
    park.link.send({ frame: { type: 'offer', pairId } });
    const splice = (from: SimLink<Message>, to: SimLink<Message>): void =>
      from.handle({
        onEnd: (how) => (how === 'clean' ? to.close() : to.reset()),
        onMessage: (message) => {
          if ('frame' in message && message.frame.type === 'accept') {
            const path = [{ node: this.#name, zone: '' }] as const;
            link.send({ frame: { type: 'paired', pairId, bridge: park.hello.instance, path } });
          } else if ('opaque' in message || 'fin' in message) to.send(message);
        },
      });
    splice(link, park.link);
    splice(park.link, link);
  }

  #forget(link: SimLink<Message>): void {
    const at = this.#lot.findIndex((park) => park.link === link);
    if (at >= 0) this.#lot.splice(at, 1);
  }
}

function scene(seed: number, relayCount = 3) {
  const world = new World(seed);
  const net = new SimNet<Message>(world, { minLatencyMs: 1, maxLatencyMs: 5 });
  const relays = Array.from({ length: relayCount }, (_, index) => `relay-${index}`);
  const nodes = relays.map((name) => new SmallRelay(world, net, name));
  const [authority] = AUTHORITIES as [Authority];
  const client = <C>(make: (options: ConstructorParameters<typeof SimBridge>[0]) => C, name: string) => {
    const clock = new ProcessClock(world);
    return { clock, client: make({ world, net, name, relays, authority, clock }) };
  };
  const bridge = client((options) => new SimBridge(options), 'bridge-0');
  const broker = client((options) => new SimBroker(options), 'broker-0');
  const of = (what: string) => world.history.filter((event) => event.what === what);
  return { world, net, nodes, relays, bridge, broker, of };
}

const KINDS = ['read', 'write', 'stream', 'halfClose', 'abort'] as const;

function plans(): StreamPlan[] {
  return KINDS.flatMap((kind, index) =>
    [0, 3_000].map((overMs, turn) => ({
      stream: 2 * index + turn,
      atMs: 0,
      broker: 0,
      kind,
      clientBytes: kind === 'write' ? 200_000 : 900,
      storeBytes: kind === 'write' ? 300 : 150_000,
      overMs,
    })),
  );
}

describe('a bridge and a broker of a run', () => {
  it('carry streams of every kind, byte for byte', async () => {
    const { world, broker, of } = scene(1);
    await world.runUntil(3_000);
    for (const plan of plans()) broker.client.open(plan);
    await world.runUntil(15_000);
    expect(of('read').filter((event) => 'wrongAt' in event)).toEqual([]);
    expect(of('served')).toHaveLength(10);
    // An abort of the client is a failure of the store, and no end of either.
    expect(of('aborted')).toHaveLength(2);
    expect(of('failed').map((event) => 'side' in event && event.side)).toEqual(['store', 'store']);
    expect(of('finished').filter((event) => 'side' in event && event.side === 'client')).toHaveLength(8);
    expect(of('end')).toHaveLength(16);
    expect(broker.client.held()).toEqual({ sessions: 1, streams: 0 });
  });

  it('go on over their other leg when the relay of one dies, and lose nothing', async () => {
    const { world, net, relays, broker, of } = scene(2);
    await world.runUntil(3_000);
    const plan = {
      stream: 1,
      atMs: 0,
      broker: 0,
      kind: 'read',
      clientBytes: 900,
      storeBytes: 400_000,
    } as const;
    broker.client.open({ ...plan, overMs: 6_000 });
    await world.runUntil(5_000);
    const crossed = [...net.links].filter(({ local }) => local === 'broker-0').map(({ remote }) => remote);
    expect(new Set(crossed).size).toBe(2);
    net.kill(relays.find((name) => crossed.includes(name)) ?? '');
    await world.runUntil(15_000);
    expect(of('failed')).toEqual([]);
    expect(of('end')).toHaveLength(2);
    expect(world.sometimes.get('a session moves, lost')).toBeGreaterThan(0);
  });

  it('break a stream off at both ends when the bridge is killed, the store at once and the client when no leg comes back', async () => {
    const { world, net, bridge, broker, of } = scene(3);
    await world.runUntil(3_000);
    const plan = {
      stream: 1,
      atMs: 0,
      broker: 0,
      kind: 'stream',
      clientBytes: 900,
      storeBytes: 900,
    } as const;
    broker.client.open({ ...plan, overMs: 10_000 });
    await world.runUntil(5_000);
    bridge.clock.stop();
    bridge.client.kill();
    net.kill('bridge-0');
    expect(of('failed')).toMatchObject([{ side: 'store', ms: 5_000 }]);
    await world.runUntil(5_000 + SESSION_DANGLING_MS - 1_000);
    expect(of('failed')).toHaveLength(1);
    await world.runUntil(5_000 + SESSION_DANGLING_MS + 1_000);
    expect(of('failed')[1]).toMatchObject({ side: 'client', code: 'closed' });
    expect(broker.client.held().streams).toBe(0);
  });
});
