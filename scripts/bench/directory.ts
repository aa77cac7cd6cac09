/**
 * What the directory costs, without any network: heap per entry, a pull of everything, and a large cluster on the
 * simulated network of the tests.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock } from '../../src/base/clock.ts';
import { type InfoHash, infoHashFromBytes } from '../../src/base/info-hash.ts';
import { integerBelow } from '../../src/base/random.ts';
import { Directory } from '../../src/cluster/directory/directory.ts';
import type { Effect } from '../../src/cluster/directory/effects.ts';
import { ClusterNetwork, type Process } from '../../test/support/cluster-network.ts';
import { seededRandom } from '../../test/support/seeded-random.ts';

export const ENTRIES = 100_000;
export const NODES = 50;
export const CHANGES_PER_SECOND = 1_000;
/** The incarnation is chosen by then. */
const NOW = 1_000;

export interface EntryCosts {
  /** Of one entry, at {@link ENTRIES} of them, at the node that holds it and at one that has learnt it. */
  readonly heldBytes: number;
  readonly learntBytes: number;
  /** A pull of all, both ends together, and its longest step without a yield. */
  readonly pullMs: number;
  readonly longestStepMs: number;
}

/** What a node says that holds {@link ENTRIES}, and what that cost. */
interface Recording {
  readonly beat: Uint8Array;
  readonly pages: readonly Uint8Array[];
  readonly heapBytes: number;
  readonly pageMs: readonly number[];
}

/**
 * The node that holds is recorded and forgotten before another one learns: V8 keeps equal keys of Maps once in a
 * process, so a reader beside its writer would look cheaper than it is.
 */
export function measureEntries(): EntryCosts {
  const recording = record();
  const { reader, heapBytes, pageMs } = replay(recording);
  assert.equal(reader.snapshot(NOW).entries, ENTRIES);
  const steps = [...recording.pageMs, ...pageMs];
  return {
    heldBytes: recording.heapBytes / ENTRIES,
    learntBytes: heapBytes / ENTRIES,
    pullMs: steps.reduce((all, ms) => all + ms, 0),
    longestStepMs: Math.max(...steps),
  };
}

function record(): Recording {
  const writer = directory('writer');
  const before = heapUsed();
  for (let at = 0; at < ENTRIES; at += 1) writer.parked(hashOf(`${at}`), instanceOf(`${at}`), 0);
  const heapBytes = heapUsed() - before;
  writer.onConnected('reader', 0);
  const beat = writer.tick(NOW).find((effect) => effect.do === 'heartbeat');
  assert(beat, 'the writer has to say where it stands');
  const pages: Uint8Array[] = [];
  const pageMs: number[] = [];
  const reader = directory('reader');
  reader.onConnected('writer', 0);
  for (let pull = pullOf(reader.onHeartbeat('writer', beat.bytes, NOW)); pull; ) {
    const { request } = pull;
    const page = timed(pageMs, () => writer.onPullRequest('reader', request));
    assert(page, 'a request of our own is answered');
    pages.push(page);
    pull = pullOf(reader.onPullPage('writer', page, NOW));
  }
  return { beat: beat.bytes, pages, heapBytes, pageMs };
}

function replay({ beat, pages }: Recording): {
  reader: Directory;
  heapBytes: number;
  pageMs: readonly number[];
} {
  const reader = directory('reader');
  const pageMs: number[] = [];
  const before = heapUsed();
  reader.onConnected('writer', 0);
  reader.onHeartbeat('writer', beat, NOW);
  for (const page of pages) timed(pageMs, () => reader.onPullPage('writer', page, NOW));
  return { reader, heapBytes: heapUsed() - before, pageMs };
}

function pullOf(effects: readonly Effect[]): { readonly request: Uint8Array } | undefined {
  return effects.find((effect) => effect.do === 'pull');
}

function timed<T>(times: number[], act: () => T): T {
  const start = systemClock.now();
  const result = act();
  times.push(systemClock.now() - start);
  return result;
}

/** After a full collection. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

function directory(node: string): Directory {
  return new Directory({
    node,
    zone: '',
    forward: `${node}:7443`,
    software: 'bench',
    wallMs: systemClock.wall(),
  });
}

export interface ClusterCosts {
  /**
   * Messages of all kinds (gossip entries, heartbeats, pages, requests for pages), and gossip entries among them, that
   * the busiest node receives in a second. Further copies of an entry that libp2p drops unread are not among them.
   */
  readonly messages: number;
  readonly gossip: number;
  /** From the last change until every directory says the same, or the limit; and whether they do. */
  readonly settledMs: number;
  readonly converged: boolean;
  /** Digests that did not match. */
  readonly doubts: number;
}

/** {@link NODES} nodes and {@link CHANGES_PER_SECOND} changes for `seconds` of virtual time; always the same changes. */
export function measureCluster(seconds: number, settleLimitMs = 2_000): ClusterCosts {
  const random = seededRandom(1);
  const requests = new Map<string, number>();
  const network = new ClusterNetwork({
    random,
    relay: false,
    onEffect: (_, effect) => {
      if (effect.do === 'pull') requests.set(effect.from, (requests.get(effect.from) ?? 0) + 1);
    },
  });
  const received = ({ name, received: { gossip, heartbeats, pages } }: Process): number =>
    gossip + heartbeats + pages + (requests.get(name) ?? 0);
  const nodes = Array.from({ length: NODES }, (_, at) => network.start(`node-${at}`));
  network.run(3_000);
  const before = nodes.map(received);
  const gossipBefore = nodes.map((node) => node.received.gossip);
  const parks: { readonly node: Process; readonly hash: InfoHash; readonly instance: string }[] = [];
  for (let change = 0; change < CHANGES_PER_SECOND * seconds; change += 1) {
    network.run(1_000 / CHANGES_PER_SECOND);
    const [gone] =
      random.fraction() < 0.4 ? parks.splice(integerBelow(random, Math.max(1, parks.length)), 1) : [];
    if (gone) {
      network.change(gone.node, (directory) => directory.unparked(gone.hash, gone.instance, network.now));
    } else {
      const node = nodes[integerBelow(random, NODES)] as Process;
      const park = { node, hash: hashOf(`${change}`), instance: instanceOf(`${change}`) };
      parks.push(park);
      network.change(node, (directory) => directory.parked(park.hash, park.instance, network.now));
    }
  }
  const all = nodes.map((node, at) => (received(node) - (before[at] ?? 0)) / seconds);
  const gossip = nodes.map((node, at) => (node.received.gossip - (gossipBefore[at] ?? 0)) / seconds);
  const settledMs = network.runUntil(() => network.agree(), settleLimitMs);
  return {
    messages: Math.max(...all),
    gossip: Math.max(...gossip),
    settledMs,
    converged: network.agree(),
    doubts: nodes.reduce((sum, node) => sum + node.directory.snapshot(network.now).doubts, 0),
  };
}

/** The info_hash that stands for `text`. */
export function hashOf(text: string): InfoHash {
  return infoHashFromBytes(createHash('sha256').update(text).digest());
}

/** The bridge instance that stands for `text`. */
export function instanceOf(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
