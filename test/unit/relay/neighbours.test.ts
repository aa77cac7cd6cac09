/** Two nodes with real gossip and real forwards between them; the test plays their matchers. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import type { ClusterPeer } from '../../../src/base/cluster-peer.ts';
import type { InfoHash } from '../../../src/base/info-hash.ts';
import { silentLog } from '../../../src/base/log.ts';
import { systemRandom } from '../../../src/base/random.ts';
import type { Holder } from '../../../src/cluster/directory/effects.ts';
import { parseClusterSecret } from '../../../src/cluster/secret.ts';
import { Door } from '../../../src/net/door/door.ts';
import type { Link } from '../../../src/net/link.ts';
import type { ConnectRequest } from '../../../src/relay/broker.ts';
import { SYSTEM_EDGE } from '../../../src/relay/edge.ts';
import type { Matcher } from '../../../src/relay/matcher.ts';
import { Neighbours, type NeighboursOptions } from '../../../src/relay/neighbours.ts';
import { freePorts } from '../../support/ports.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { watch } from '../../support/streams.ts';

const X = 'aa'.repeat(32) as InfoHash;
const PAIR = 'cc'.repeat(16);
const BRIDGE = 'b1'.repeat(16);
const LOOPBACK = { host: '127.0.0.1', port: 0 };

/** A method of the matcher that was called, and its arguments; the time is 0. */
type Input = readonly [name: string, ...values: unknown[]];

interface Node {
  readonly neighbours: Neighbours;
  /** Links by the broker for which they were joined, taken in the same turn. */
  readonly joined: Map<number, Link>;
  /** The next input that is of that name and has no answer yet; without its name. */
  next(name: keyof Matcher): Promise<readonly unknown[]>;
  /** Inputs that nobody asked for. */
  readonly rest: readonly Input[];
}

async function start(options: Partial<NeighboursOptions> & { node: string; peers: ClusterPeer[] }) {
  const rest: Input[] = [];
  const joined = new Map<number, Link>();
  const waiters = new Set<() => void>();
  let lastId = 100;
  const record = (name: string, values: readonly unknown[]): [] => {
    rest.push([name, ...values]);
    if (name === 'forwardJoined' && values[0] !== UNTAKEN) {
      const link = neighbours.takeJoined(values[0] as number);
      if (link) joined.set(values[0] as number, link);
    }
    for (const look of [...waiters]) look();
    return [];
  };
  const matcher = new Proxy({} as Matcher, {
    get:
      (_target, name: string) =>
      (...values: unknown[]) =>
        record(name, values),
  });
  const { node, peers } = options;
  const neighbours: Neighbours = await Neighbours.start({
    zone: `zone-${node}`,
    secret: parseClusterSecret('s'.repeat(40), 'test'),
    listen: peers.find(({ name }) => name === node) ?? LOOPBACK,
    forwardListen: LOOPBACK,
    advertise: undefined,
    clock: systemClock,
    random: systemRandom,
    log: recordingLog().log,
    edge: SYSTEM_EDGE,
    door: new Door({ clock: systemClock, log: silentLog }),
    newId: () => {
      lastId += 1;
      return lastId;
    },
    feed: (input) => void input(matcher, 0),
    onDraining: (leaver) => leaving(leaver),
    onSuperseded: () => {},
    ...options,
  });
  const next = (name: keyof Matcher): Promise<readonly unknown[]> =>
    new Promise((resolve) => {
      const look = (): void => {
        const index = rest.findIndex(([input]) => input === name);
        if (index < 0) return void waiters.add(look);
        waiters.delete(look);
        const [[, ...values] = []] = rest.splice(index, 1);
        resolve(values);
      };
      look();
    });
  return { neighbours, joined, next, rest } satisfies Node;
}

/** Is told of a node that drains. */
let leaving: (node: string) => void = () => {};

/** The broker whose link nobody takes. */
const UNTAKEN = 66;

let origin: Node;
let holder: Node;
/** As the origin learned of it. */
let place: Holder;

beforeAll(async () => {
  const [a = 0, b = 0] = await freePorts(2);
  const peers = [
    { name: 'origin', host: '127.0.0.1', port: a },
    { name: 'holder', host: '127.0.0.1', port: b },
  ];
  [origin, holder] = await Promise.all([start({ node: 'origin', peers }), start({ node: 'holder', peers })]);
  origin.neighbours.carryOut({ do: 'watch', infoHash: X });
  const park = { connection: 1, infoHash: X, instance: BRIDGE };
  holder.neighbours.carryOut({ do: 'parked', park });
  expect(await origin.next('appeared')).toEqual([X, 0]);
  [place] = origin.neighbours.holders(X) as [Holder];
});
afterAll(async () => {
  for (const link of [...origin.joined.values(), ...holder.joined.values()]) link.reset();
  await Promise.all([origin.neighbours.stop(), holder.neighbours.stop()]);
});

/** Sends the forward of a broker and resolves with its number at the holder. */
async function forward(broker: number, to: Holder = place): Promise<number> {
  const request: ConnectRequest = {
    connection: broker,
    infoHash: X,
    wanted: BRIDGE,
    except: ['e1'.repeat(16)],
    avoid: ['elsewhere'],
  };
  origin.neighbours.carryOut({ do: 'forward', broker, request, holder: to, pairId: PAIR });
  if (to !== place) return 0;
  const [asked, pairId] = await holder.next('forwarded');
  const { connection, ...choice } = asked as ConnectRequest;
  expect([choice, pairId]).toEqual([{ infoHash: X, wanted: BRIDGE, except: ['e1'.repeat(16)] }, PAIR]);
  return connection;
}

/** As {@link forward}, up to the origin's answer. */
async function ready(broker: number, yes: boolean): Promise<number> {
  const id = await forward(broker);
  holder.neighbours.carryOut({ do: 'ready', forward: id });
  expect(await origin.next('forwardReady')).toEqual([broker, 0]);
  origin.neighbours.carryOut({ do: 'answer', broker, yes });
  expect(await holder.next('answered')).toEqual([id, yes, 0]);
  return id;
}

describe('a forward', () => {
  it('goes to a holder that gossip told of, and joins broker and bridge', async () => {
    expect(place).toMatchObject({ node: 'holder', zone: 'zone-holder', instances: [BRIDGE] });
    const id = await ready(1, true);
    const far = holder.neighbours.joinIncoming(id, BRIDGE);
    expect(await origin.next('forwardJoined')).toEqual([1, BRIDGE]);
    const near = origin.joined.get(1);
    if (!far || !near) throw new Error('not joined');
    expect(origin.neighbours.takeJoined(1)).toBeUndefined();
    const [atFar, atNear] = [watch(far.stream), watch(near.stream)];
    near.stream.end('from the broker');
    await atFar.ended;
    far.stream.end('from the bridge');
    await Promise.all([atFar.closed, atNear.closed]);
    expect([`${atFar.bytes}`, `${atNear.bytes}`]).toEqual(['from the broker', 'from the bridge']);
  });

  it('waits in the line of the holder', async () => {
    const id = await forward(2);
    holder.neighbours.carryOut({ do: 'queued', forward: id });
    expect(await origin.next('forwardQueued')).toEqual([2, 0]);
    holder.neighbours.carryOut({ do: 'ready', forward: id });
    expect(await origin.next('forwardReady')).toEqual([2, 0]);
    origin.neighbours.carryOut({ do: 'cancel', broker: 2 });
    expect(await holder.next('left')).toEqual([id, 0]);
  });

  it('is over when the origin has no slot', async () => {
    const id = await ready(3, false);
    expect(holder.neighbours.joinIncoming(id, BRIDGE)).toBeUndefined();
    origin.neighbours.carryOut({ do: 'answer', broker: 3, yes: true });
  });

  it('is over when its broker leaves, before and after the answer', async () => {
    const id = await forward(4);
    origin.neighbours.carryOut({ do: 'cancel', broker: 4 });
    expect(await holder.next('left')).toEqual([id, 0]);
    const other = await ready(5, true);
    origin.neighbours.carryOut({ do: 'cancel', broker: 5 });
    expect(await holder.next('left')).toEqual([other, 0]);
    expect(holder.neighbours.joinIncoming(other, BRIDGE)).toBeUndefined();
    holder.neighbours.carryOut({ do: 'queued', forward: other });
  });

  it('that finds nothing says so, and the holder is not offered for that info_hash for a while', async () => {
    const id = await forward(6);
    holder.neighbours.carryOut({ do: 'notHere', forward: id });
    expect(await origin.next('forwardFailed')).toEqual([6, true, 0]);
    expect(origin.neighbours.holders(X)).toEqual([]);
    expect(await origin.next('appeared')).toEqual([X, 0]);
    expect(origin.neighbours.holders(X)).toHaveLength(1);
  });

  it('that reaches nobody, or somebody else, fails as unreachable', async () => {
    const [closed = 0] = await freePorts(1);
    await forward(8, { ...place, forward: `:${closed}` });
    expect(await origin.next('forwardFailed')).toEqual([8, false, 0]);
    await forward(9, { ...place, node: 'origin' });
    expect(await origin.next('forwardFailed')).toEqual([9, false, 0]);
  });

  it('that nobody takes is reset', async () => {
    const id = await ready(UNTAKEN, true);
    const far = holder.neighbours.joinIncoming(id, BRIDGE);
    if (!far) throw new Error('not joined');
    const atFar = watch(far.stream);
    await origin.next('forwardJoined');
    await atFar.closed;
    expect(atFar.events).toContain('error:ECONNRESET');
  });
});

it('tells the load, and who is a member', async () => {
  holder.neighbours.setLoad(5);
  await expect.poll(() => origin.neighbours.holders(X)[0]?.load, { timeout: 5_000 }).toBe(5);
  const { directory, members } = origin.neighbours.status();
  expect(directory.members.map(({ node }) => node)).toEqual(['holder']);
  expect(members).toEqual([{ name: 'holder', state: 'connected' }]);
  expect(origin.neighbours.incarnation).toBe(directory.incarnation);
});

it('is told no more when nobody watches, or nothing is parked', async () => {
  origin.neighbours.carryOut({ do: 'unwatch', infoHash: X });
  holder.neighbours.carryOut({ do: 'unparked', park: { connection: 1, infoHash: X, instance: BRIDGE } });
  await expect.poll(() => origin.neighbours.holders(X), { timeout: 5_000 }).toEqual([]);
  holder.neighbours.carryOut({ do: 'parked', park: { connection: 2, infoHash: X, instance: BRIDGE } });
  await expect.poll(() => origin.neighbours.holders(X).length, { timeout: 5_000 }).toBe(1);
  expect(origin.rest).toEqual([]);
  expect(holder.rest).toEqual([]);
});

it('starts with both ports or not at all', async () => {
  const [port = 0] = await freePorts(1);
  const alone = await start({ node: 'x', peers: [], forwardListen: { host: '127.0.0.1', port } });
  const again = { node: 'y', peers: [] };
  await expect(start({ ...again, forwardListen: { host: '127.0.0.1', port } })).rejects.toMatchObject({
    code: 'config',
  });
  await alone.neighbours.stop();
  await expect(
    start({ ...again, listen: { host: 'a-name', port: 0 }, forwardListen: { host: '127.0.0.1', port } }),
  ).rejects.toMatchObject({ code: 'config' });
  // The port is free again.
  const last = await start({ ...again, forwardListen: { host: '127.0.0.1', port } });
  await last.neighbours.stop();
});

it('a forward is refused by a holder that begins to drain, which all others hear of: the last of these tests', async () => {
  const drained = new Promise<string>((resolve) => {
    leaving = resolve;
  });
  await forward(41);
  const id = await ready(42, true);
  holder.neighbours.drain();
  expect(await holder.next('left')).toEqual([expect.any(Number), 0]);
  expect(await holder.next('left')).toEqual([id, 0]);
  // Reached, so that the broker is sent on, and not told that nobody is there.
  expect(await origin.next('forwardFailed')).toEqual([41, true, 0]);
  expect(await origin.next('forwardFailed')).toEqual([42, true, 0]);
  expect(await drained).toBe('holder');
  expect([origin.neighbours.draining, origin.neighbours.holders(X)]).toEqual([['holder'], []]);
  expect(holder.neighbours.joinIncoming(id, BRIDGE)).toBeUndefined();
});
