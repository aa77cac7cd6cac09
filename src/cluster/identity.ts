/**
 * Who is who in the cluster. A node's libp2p key follows from the secret and its name, so every member knows every
 * other's PeerId beforehand, and the list of expected names is the list of whom to admit.
 */
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import type { PeerId, PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import type { ClusterSecret, SecretKey } from './secret.ts';

const SEED_BYTES = 32;

export interface NodeIdentity {
  readonly privateKey: PrivateKey;
  readonly peerId: PeerId;
}

/** The Ed25519 identity of the node `name` under one secret. The same on every machine. */
export async function nodeIdentity(key: SecretKey, name: string): Promise<NodeIdentity> {
  const privateKey = await generateKeyPairFromSeed(
    'Ed25519',
    key.derive('libp2p identity', name, SEED_BYTES),
  );
  return { privateKey, peerId: peerIdFromPrivateKey(privateKey) };
}

/** Names by PeerId: each expected name under each secret. */
export class KnownPeers {
  readonly #names: ReadonlyMap<string, string>;

  private constructor(names: ReadonlyMap<string, string>) {
    this.#names = names;
  }

  static async of(secret: ClusterSecret, names: readonly string[]): Promise<KnownPeers> {
    const known = new Map<string, string>();
    for (const key of secret.all) {
      for (const name of names) known.set((await nodeIdentity(key, name)).peerId.toString(), name);
    }
    return new KnownPeers(known);
  }

  /** The expected name behind `peerId` under either secret, or undefined for a stranger. */
  nameOf(peerId: PeerId): string | undefined {
    return this.#names.get(peerId.toString());
  }
}
