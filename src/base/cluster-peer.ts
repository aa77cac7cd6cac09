/** `name=host:port,...`: the nodes that a cluster is made of, as people and charts write them. */
import { type Address, formatAddress, parseAddress } from './address.ts';
import { BeaconError } from './errors.ts';
import { CLUSTER_MEMBERS, NAME_BYTES } from './limits.ts';

export interface ClusterPeer extends Address {
  /** The node's name: 1 to 63 printable ASCII characters without blanks, `=` and `,`. */
  readonly name: string;
}

/**
 * Reads `name=host:port` separated by commas, at least one, each name and each address once. The reader's own name may be
 * among them. No name is looked up here. Throws `config`.
 */
export function parseClusterPeers(text: string): readonly ClusterPeer[] {
  const peers = text.split(',').map((part) => parsePeer(part.trim()));
  if (peers.length > CLUSTER_MEMBERS) {
    throw new BeaconError(
      'config',
      `${peers.length} cluster peers are given; at most ${CLUSTER_MEMBERS} are possible`,
    );
  }
  const seen = new Set<string>();
  for (const peer of peers) {
    for (const key of [`the name ${peer.name}`, `the address ${formatAddress(peer)}`]) {
      if (seen.has(key)) throw new BeaconError('config', `${key} is in the list of cluster peers twice`);
      seen.add(key);
    }
  }
  return peers;
}

function parsePeer(text: string): ClusterPeer {
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(equals, 0));
  if (equals < 0 || name.length > NAME_BYTES || !/^[\x21-\x7e]+$/.test(name)) {
    throw new BeaconError(
      'config',
      `${JSON.stringify(text)} is not a cluster peer: expected name=host:port, the name as the node's --node-name`,
    );
  }
  return { name, ...parseAddress(text.slice(equals + 1)) };
}
