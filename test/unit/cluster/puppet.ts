/** A libp2p node that tests move by hand: a member that misbehaves, or a stranger. */
import type { Connection, PrivateKey } from '@libp2p/interface';
import { onTestFinished } from 'vitest';
import { GOSSIP_TOPIC } from '../../../src/cluster/gossip.ts';
import { nodeIdentity } from '../../../src/cluster/identity.ts';
import { type ClusterNode, createClusterNode, toMultiaddr } from '../../../src/cluster/libp2p-node.ts';
import { LINE_A, secretOf } from './nodes.ts';

export interface Puppet {
  readonly node: ClusterNode;
  readonly port: number;
  /** Texts of the entries that it could read. */
  readonly heard: string[];
  dial(port: number): Promise<Connection>;
  publish(bytes: Uint8Array): Promise<void>;
}

/** The key of `name` under a secret: what makes a puppet a member. */
export async function keyOf(name: string, line = LINE_A): Promise<PrivateKey> {
  return (await nodeIdentity(secretOf(line).current, name)).privateKey;
}

/** Running, subscribed, and admitting everybody; stopped when the test ends. */
export async function startPuppet(privateKey: PrivateKey): Promise<Puppet> {
  const listen = { host: '127.0.0.1', port: 0 };
  const node = await createClusterNode({ privateKey, listen, topic: GOSSIP_TOPIC, gater: {} });
  const heard: string[] = [];
  const { pubsub } = node.libp2p.services;
  pubsub.addEventListener('message', ({ detail }) => heard.push(Buffer.from(detail.data).toString()));
  await node.libp2p.start();
  onTestFinished(() => node.libp2p.stop());
  pubsub.subscribe(GOSSIP_TOPIC);
  return {
    node,
    port: node.bound().port,
    heard,
    dial: (port) => node.libp2p.dial(toMultiaddr({ host: '127.0.0.1', port }), { force: true }),
    async publish(bytes) {
      await pubsub.publish(GOSSIP_TOPIC, bytes);
    },
  };
}

/** Gossip streams of a connection. */
export function gossipStreams(connection: Connection) {
  return connection.streams.filter(({ protocol }) => protocol.startsWith('/meshsub/'));
}
