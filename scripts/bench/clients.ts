/**
 * Bridges and brokers that speak beacon/1 to a relay and nothing else, and what they can find out about a node from
 * outside. A broker that avoids every other node can be sent nowhere: it is refused with `noBridge` as soon as its node
 * knows of a holder, and waits while it knows of none. So an advert is seen to arrive without any hook in the product.
 */
import assert from 'node:assert/strict';
import { systemClock } from '../../src/base/clock.ts';
import type { Pki } from '../../test/support/certificates.ts';
import { nextSource } from '../../test/support/sources.ts';
import { hello, identityOf, WireClient } from '../../test/support/wire-client.ts';
import type { RelayCluster } from './relay-cluster.ts';

/** Where, and for which info_hash. */
export interface Place {
  readonly cluster: RelayCluster;
  readonly node: number;
  readonly pki: Pki;
}

export interface Parked {
  /** When PARKED had arrived. */
  readonly at: number;
  /** Settles when it was offered and has accepted; rejects when it ends before. */
  readonly accepted: Promise<void>;
  /** Ends it with a reset. */
  leave(): void;
}

/** Parks a bridge that accepts the first offer. `instance`: one byte that tells it from others. */
export async function park({ cluster, node, pki }: Place, instance = 0xb1): Promise<Parked> {
  const client = await dial('park', cluster.portOf(node), pki);
  client.send(hello('park', { instance: instanceId(instance) }, pki));
  await client.expect('parked');
  const at = systemClock.now();
  const accepted = accept(client);
  // One that leaves unpaired is no fault.
  accepted.catch(() => {});
  return { at, accepted, leave: () => client.reset() };
}

/** Answers pings until an offer comes, and accepts that. */
async function accept(client: WireClient): Promise<void> {
  for (;;) {
    const frame = await client.frame();
    if (frame.type === 'ping') client.send({ type: 'pong', token: frame.token });
    if (frame.type === 'offer') return client.send({ type: 'accept', pairId: frame.pairId });
  }
}

/** A broker's connection that has said nothing yet. */
export function broker({ cluster, node, pki }: Place): Promise<WireClient> {
  return dial('connect', cluster.portOf(node), pki);
}

/** Says HELLO and resolves with the milliseconds until PAIRED, and the names of the nodes between. */
export async function pair(
  client: WireClient,
  pki: Pki,
): Promise<{ readonly ms: number; readonly path: readonly string[] }> {
  const start = systemClock.now();
  client.send(hello('connect', {}, pki));
  const path = await pathOf(client);
  return { ms: systemClock.now() - start, path };
}

/** The path of PAIRED; frames that say to wait are passed over. */
export async function pathOf(client: WireClient): Promise<readonly string[]> {
  for (;;) {
    const frame = await client.frame();
    if (frame.type === 'paired') return frame.path.map(({ node }) => node);
    assert(frame.type === 'waiting' || frame.type === 'ping', `a broker was told ${JSON.stringify(frame)}`);
  }
}

/** A broker that waits for a bridge on any node. */
export async function wait({ cluster, node, pki }: Place): Promise<WireClient> {
  const client = await dial('connect', cluster.portOf(node), pki);
  client.send(hello('connect', {}, pki));
  await client.expect('waiting');
  return client;
}

/** Resolves with the time at which the node knew of a holder; asserts that it knew of none at first. */
export async function watch(
  place: Place,
  wanted?: number,
): Promise<{ readonly seen: Promise<number>; leave(): void }> {
  const client = await ask(place, wanted);
  await client.expect('waiting');
  const seen = client.expect('refused').then(({ code }) => {
    const at = systemClock.now();
    assert.equal(code, 'noBridge');
    client.close();
    return at;
  });
  seen.catch(() => {});
  return { seen, leave: () => client.close() };
}

/** Whether the node knows of a holder now, and when it had said so. */
export async function knows(
  place: Place,
  wanted?: number,
): Promise<{ readonly known: boolean; readonly at: number }> {
  const client = await ask(place, wanted);
  const frame = await client.frame();
  const at = systemClock.now();
  client.close();
  assert(
    frame.type === 'waiting' || (frame.type === 'refused' && frame.code === 'noBridge'),
    `a broker that avoids all nodes was told ${JSON.stringify(frame)}`,
  );
  return { known: frame.type === 'refused', at };
}

async function ask({ cluster, node, pki }: Place, wanted: number | undefined): Promise<WireClient> {
  const client = await dial('connect', cluster.portOf(node), pki);
  const avoid = cluster.othersOf(node).map((other) => cluster.nameOf(other));
  client.send(hello('connect', { avoid, ...(wanted !== undefined && { wanted: instanceId(wanted) }) }, pki));
  return client;
}

function dial(role: 'park' | 'connect', port: number, pki: Pki): Promise<WireClient> {
  return WireClient.dial(port, { identity: identityOf(role, pki), localAddress: nextSource() });
}

function instanceId(byte: number): Buffer {
  return Buffer.alloc(16, byte);
}
