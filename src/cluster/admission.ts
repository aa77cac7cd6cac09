/**
 * Who may connect: libp2p's connection gater. Noise has proved the other side's PeerId before it is asked, so the list of
 * expected names is all that stands between a stranger and the cluster; a prologue from the secret cannot be a second
 * fence, as nodes in the middle of a rotation would have to agree on one of two.
 */
import type { ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface';
import type { Clock } from '../base/clock.ts';
import { CLUSTER_TIE_WAIT_MS } from '../base/limits.ts';
import type { KnownPeers } from './identity.ts';
import type { Membership } from './membership.ts';

/** Why a connection was not admitted. `stranger`: proved to be nobody we expect. `tie`: another one is kept. */
export type Refusal = 'door' | 'stranger' | 'tie';

/**
 * Whether a connection from this IP address may start a handshake: undefined, or what is to be called once it has proved
 * to be a member's, so that it does not count against its address.
 */
export type GossipDoor = (source: string) => (() => void) | undefined;

export interface AdmissionOptions {
  readonly clock: Clock;
  readonly known: KnownPeers;
  readonly membership: Membership;
  readonly door: GossipDoor;
  readonly onRefused: (why: Refusal) => void;
  /** The name that this address was dialled for, or undefined. */
  readonly dialledName: (address: string) => string | undefined;
  /** The dial of `name` that is under way, or undefined. */
  readonly dialOf: (name: string) => { readonly ended: Promise<void>; abort(): void } | undefined;
  /** A connection is admitted, and will open unless the other side closes it. */
  readonly onAdmitted: (connection: MultiaddrConnection) => void;
}

export function createGater(options: AdmissionOptions): ConnectionGater {
  const { door, onRefused } = options;
  const refuse = (why: Refusal): true => {
    onRefused(why);
    return true;
  };
  const entered = new WeakMap<MultiaddrConnection, () => void>();
  return {
    denyInboundConnection: (connection) => {
      const proved = door(connection.remoteAddr.getComponents()[0]?.value ?? '');
      if (!proved) return refuse('door');
      entered.set(connection, proved);
      return false;
    },
    async denyInboundEncryptedConnection(peerId, connection) {
      const name = memberName(options, peerId);
      if (name === undefined) return refuse('stranger');
      entered.get(connection)?.();
      if (!(await winsTie(options, name))) return refuse('tie');
      options.onAdmitted(connection);
      return false;
    },
    denyOutboundEncryptedConnection(peerId, connection) {
      // Another member at that address (an address that was given away) is not whom we are looking for.
      const wanted = options.dialledName(connection.remoteAddr.toString());
      if (wanted === undefined || memberName(options, peerId) !== wanted) return refuse('stranger');
      options.onAdmitted(connection);
      return false;
    },
  };
}

function memberName({ known, membership }: AdmissionOptions, peerId: PeerId): string | undefined {
  const name = known.nameOf(peerId);
  return name !== undefined && membership.expects(name) ? name : undefined;
}

/** Waits for our own dial of the same member, for a while. */
async function winsTie({ clock, membership, dialOf }: AdmissionOptions, name: string): Promise<boolean> {
  let judgement = membership.judge(name, clock.now());
  const dial = dialOf(name);
  if (judgement === 'wait' && dial) {
    const timer = clock.after(CLUSTER_TIE_WAIT_MS, () => dial.abort());
    await dial.ended;
    timer.cancel();
    judgement = membership.judge(name, clock.now());
  }
  return judgement === 'admit';
}
