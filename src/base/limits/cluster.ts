/** Limits between the nodes of a cluster. See ../limits.ts. */
import { ACCEPT_TIMEOUT_MS } from './relay.ts';
import { KIB, MIB, SECOND } from './units.ts';

// ---- cluster: membership and gossip

/** A cluster secret: as many bytes as the keys that are made of it have. */
export const CLUSTER_SECRET_MIN_BYTES = 32;
/** A file with two secrets in any usual encoding; more is the wrong file. */
export const CLUSTER_SECRET_FILE_BYTES = 4 * KIB;
/** Members that one node expects. Each is a lasting connection; the directory is made for 50 nodes. */
export const CLUSTER_MEMBERS = 128;
/** One gossip entry. Part of the product: larger ones are refused with `errGossipValueTooLarge`. */
export const GOSSIP_VALUE_BYTES = 8 * KIB;
/** Gossip that waits for one member to read it; past it the stream is reset and opened again. Three seconds of the
 *  busiest cluster (300 entries a second) fit, after that the member counts as dead. */
export const GOSSIP_SEND_BUFFER_BYTES = 4 * MIB;
/** Entries and heartbeats of one origin that a node takes: per second, and at once after a stall. Four times what an
 *  honest one can send, and at 0.4 ms of CPU each less than a tenth of a core. */
export const GOSSIP_ENTRIES_PER_SECOND = 200;
export const GOSSIP_ENTRIES_BURST = 1_000;
/** A member that sends more is cut off for this long: what it costs is then a small part of a core. */
export const GOSSIP_FLOOD_PAUSE_MS = 10 * SECOND;
/** An entry is known as seen for this long; members themselves keep entries for 5 s. */
export const GOSSIP_SEEN_MS = 30 * SECOND;
/** TCP, Noise and the gater of the other side: five round trips around the globe. Short, so that after a partition the
 *  next dial is near. */
export const CLUSTER_DIAL_TIMEOUT_MS = 2 * SECOND;
/** From one dial of a member to the next, drawn between the two: a healed partition is found within the second. */
export const CLUSTER_REDIAL_MIN_MS = SECOND;
export const CLUSTER_REDIAL_MAX_MS = 2 * SECOND;
/** Between dials of a name that does not resolve, so that a list of names that do not run yet is no load for DNS. */
export const CLUSTER_UNRESOLVED_REDIAL_MS = 5 * SECOND;
/** Jitter of the first dial after a start or a loss: long enough to spread, short enough to be back within 500 ms, when
 *  a node that is gone is dropped from the directory. */
export const CLUSTER_FIRST_DIAL_MS = 100;
/** How much longer the member with the greater name waits before it dials: a handshake across the globe. */
export const CLUSTER_SECOND_CALLER_MS = 300;
/** How long the member with the smaller name keeps an inbound connection waiting while it dials itself. */
export const CLUSTER_TIE_WAIT_MS = SECOND;
/** A connection younger than this is not replaced by another of the same member; an older one is, because a member dials
 *  only when it has none. */
export const CLUSTER_SETTLED_MS = 2 * SECOND;
/** Pause between looks at who must be dialled. */
export const CLUSTER_DIAL_TICK_MS = 50;
/** Dials under way at once: each may hold a thread of the four that look names up, for as long as DNS is silent. */
export const CLUSTER_PARALLEL_DIALS = 16;
/** Pause between looks at each connection, and how many looks without a byte, or deaf, end it: 3 s, as the lease of a
 *  node. Looks and not milliseconds, so that a stall of our own counts once. */
export const CLUSTER_LOOK_MS = 500;
export const CLUSTER_SILENT_LOOKS = 6;
export const CLUSTER_DEAF_LOOKS = 6;
/** Looks that a deaf pair is left alone before its gossip streams are opened again: a new subscription takes 30 ms. */
export const CLUSTER_REOPEN_LOOKS = 2;
/** Each end of a connection pings the other this often, so that silence means that the other is gone. */
export const CLUSTER_PING_MS = SECOND;
/** Inbound connections: per second and source, and in their handshake at once. libp2p's own 5 and 10 are less than a
 *  restart of a cluster behind one address takes. */
export const CLUSTER_INBOUND_PER_SECOND = 50;
export const CLUSTER_INBOUND_PENDING = 64;
/** Streams that one member may have open with us: gossip, identify and pulls, old ones that still close included. */
export const CLUSTER_STREAMS = 64;
/** Bytes on their way in one stream; libp2p would let it grow to 16 MiB and then abort at 4 MiB unread. */
export const CLUSTER_STREAM_WINDOW_BYTES = 256 * KIB;
/** What a member asks for in a pull: incarnation, sequence, page. */
export const PULL_REQUEST_BYTES = 256;
/** One page of a pull: 2,000 directory entries, encoded or applied in 3 ms. Two of them fit a stream's window. */
export const PULL_PAGE_BYTES = 96 * KIB;
/** Pulls of one member that are answered at once: one runs, one was given up and is not closed yet, twice. */
export const PULLS_PER_MEMBER = 4;
/** Heartbeats that wait in one stream to be sent, or to be read; more is a member that does not read, or floods. */
export const HEARTBEAT_UNSENT_BYTES = 16 * KIB;
/** Heartbeat streams of one connection: one, and those that were lost and are not closed yet. */
export const HEARTBEAT_STREAMS = 4;

// ---- directory

/** Bridge instances that an entry names. More than eight bridges beside one store help nobody. */
export const ENTRY_INSTANCES = 8;
/** Changes wait for company: the longer of the two, the second times the members. It keeps the gossip entries that
 *  a node receives below 250 a second at any size of the cluster. */
export const ADVERT_BATCH_MS = 20;
export const ADVERT_BATCH_PER_MEMBER_MS = 4;
/** Gossip entries that are read of one origin, in a second and at once. Twice what an honest one can send (one in
 *  20 ms and one with each heartbeat). */
export const ADVERTS_PER_SECOND = 100;
/** How often a node states where it stands. Three fit into the lease. */
export const HEARTBEAT_MS = SECOND;
/** A heartbeat with every text at its longest needs 800. */
export const HEARTBEAT_BYTES = KIB;
/** A node that has not been heard for this long is dropped with all it held. */
export const NODE_LEASE_MS = 3 * SECOND;
/** So is one without any connection of our own to it: time for a duplicate to take over, no more. */
export const NODE_UNREACHED_MS = 500;
/** A tick that comes this late tells of a stall of our own. What we could not hear meanwhile is not held against anybody,
 *  up to one more lease. */
export const DIRECTORY_STALL_MS = 250;
/** Entries of one node. As many parked connections cost it 12 GB, so an honest one never gets there; 23 MB here. */
export const ENTRIES_PER_NODE = 200_000;
/** Nodes that left, of which incarnation and sequence are remembered; every pod name of a large cluster. */
export const REMEMBERED_NODES = 1_000;
/** Removals that a node can repeat to one that missed them, at 150 bytes; past it the other pulls everything. */
export const REMEMBERED_REMOVALS = 10_000;
/** Pages of one pull: 200,000 entries with eight instances each need 328. */
export const PULL_PAGES = 512;
/** Until a page is there: 96 KiB over 1 Mbit/s in 0.8 s, with room for a busy origin. */
export const PULL_TIMEOUT_MS = 5 * SECOND;
/** From a gap to the pull, as gossip takes other ways than heartbeats and may come second; also the pause after a
 *  pull. The pause doubles up to its maximum until the origin's digest matches, so one that never does costs little. */
export const PULL_PAUSE_MS = 200;
export const PULL_PAUSE_MAX_MS = 30 * SECOND;
/** From the first connection to the choice of the own incarnation: members answer a connection at once. */
export const INCARNATION_WAIT_MS = 300;
/** How long a holder that said `notHere` is not offered for that info_hash, unless it says something newer. */
export const SUPPRESS_MS = 500;
/** Suppressed info_hashes of one holder; as many as forwards may be under way. */
export const SUPPRESSED_ENTRIES = 1_000;
/** host:port of a node: a DNS name of 253 bytes (RFC 1035, section 2.3.4), a colon, five digits, and brackets. */
export const ADDRESS_BYTES = 261;

// ---- forward

/** The other node of a forward says nothing for this long, in any step of its set-up, dial included: it is given up.
 *  Within a region a round trip takes 100 ms at the most, a node's worst stall less than a second. */
export const FORWARD_SILENCE_MS = 2 * SECOND;
/** How often a holder says that it still waits: a lost packet and a stall do not make a silence of it. */
export const FORWARD_SIGN_MS = 500;
/** From TAKE to JOINED, while both nodes hold a slot for it: two bridges that do not ACCEPT in time, and one that does. */
export const FORWARD_JOIN_TIMEOUT_MS = 2 * ACCEPT_TIMEOUT_MS + FORWARD_SILENCE_MS;
/** Forwards to one holder between their dial and its first word. Each costs 6 ms of CPU at both ends together, so where a
 *  machine is twenty times slower all are answered within half of their limit. At 100 ms a round trip they are 25 a second:
 *  enough, as each carries a leg for as long as both of its nodes live. */
export const FORWARD_DIALS = 8;
/** Sockets that a node keeps open to a holder before brokers need them, to save a pairing 5 ms: a burst of clients. */
export const FORWARD_SPARES = 4;
/** From the end of a forward's set-up, or of the last dial, to the next dial of a spare: longer than a pairing takes. */
export const FORWARD_SPARE_PAUSE_MS = 20;
/** A spare this old is closed, and another one dialled: firewalls commonly forget idle connections after minutes. */
export const FORWARD_SPARE_AGE_MS = 60 * SECOND;
/** Spares are kept for so long after the last forward to that holder. */
export const FORWARD_SPARES_KEPT_MS = 10 * 60 * SECOND;
/** A holder waits so long for FORWARD: whoever has come so far bears a certificate of the cluster. Longer than a spare
 *  gets old, so that it is the origin who closes. */
export const FORWARD_HEADER_MS = FORWARD_SPARE_AGE_MS + 30 * SECOND;
/** Requests of other nodes that are not joined yet, at 60 KB for their socket. Four nodes' worth of splices. */
export const FORWARDS_PENDING = 4_096;
