/** Limits of bridge and broker, and of the tunnel between them. See ../limits.ts. */
import { EXCEPT_INSTANCES, PING_INTERVAL_MS, PONG_TIMEOUT_MS, RATE_CONNECTIONS } from './relay.ts';
import { KIB, MIB, SECOND } from './units.ts';

// ---- bridge and broker

/** Parked connections a bridge keeps at the least, by default, and at the most when pairings come fast. */
export const PARKS_DEFAULT = 4;
export const PARKS_MAX = 64;
/** Pairings of the last so many milliseconds add to the parks a bridge keeps: longer than a burst of dials takes. */
export const PAIRING_WINDOW_MS = 5 * SECOND;
/** Backoff of a reconnecting client: ceiling of the first wait, largest ceiling, and what counts as health. */
export const RECONNECT_FIRST_MS = 500;
export const RECONNECT_MAX_MS = 30 * SECOND;
export const RECONNECT_HEALTHY_MS = 5 * SECOND;
/** A way whose connections drop so often within such a time is told of: more often than relays are restarted in turn, and rarely
 *  enough that a bad line is noticed within the hour. */
export const DROPS_TOLD = 5;
export const DROPS_WINDOW_MS = 10 * 60 * SECOND;
/** What is lost within so short a time was lost at once: all connections to a relay that dies. */
export const DROP_MS = 100;
/** Ways that are remembered: nodes of a cluster, or pairs of them. */
export const DROPS_WAYS = 64;
/** A relay that sends nothing for this long to a broker that waits is dead: it pings every 15 s. */
export const RELAY_SILENCE_MS = PING_INTERVAL_MS + PONG_TIMEOUT_MS;
/** A name with several addresses: the next is tried after this long without an answer (RFC 8305, section 5). */
export const HAPPY_EYEBALLS_MS = 250;
/** TCP connect and TLS handshake of a dialling client together. */
export const DIAL_TIMEOUT_MS = 10 * SECOND;
/** The head of a proxy's answer to CONNECT, interim ones included: what common HTTP servers take for a request. */
export const PROXY_HEAD_BYTES = 16 * KIB;
/** A file with the password of a proxy; it goes into one header line. */
export const PROXY_PASSWORD_BYTES = KIB;
/** Rules of NO_PROXY, which is the machine's and not ours; each dial is compared with all of them. */
export const NO_PROXY_RULES = 1_024;
/** A tunnel's inner handshake, from PAIRED (or ACCEPT) on. */
export const INNER_HANDSHAKE_TIMEOUT_MS = 10 * SECOND;
/** From our CLOSE on a leg to the other end's: a round trip around the globe and a busy moment. Then it is reset. */
export const LEG_LINGER_MS = 5 * SECOND;
/** How long a stopping bridge or broker waits for its streams: half of what service managers commonly allow. */
export const STOP_GRACE_MS = 15 * SECOND;
/** A new stream waits this long for a tunnel: a secret-store client gives up after 10 s by itself. */
export const STREAM_WAIT_MS = 10 * SECOND;
/** Bytes of a client that are read, and kept, before its stream is accepted: any request but an upload fits. */
export const CLIENT_EARLY_BYTES = 16 * KIB;
/** Tunnels of one broker, each to another bridge instance: as many as HELLO can leave out. */
export const BROKER_TUNNELS = EXCEPT_INSTANCES;
/** A broker that has a tunnel looks this often for another bridge beside the same store. */
export const FIND_BRIDGES_MS = 30 * SECOND;
/** And so soon after it has found one. */
export const FIND_NEXT_MS = SECOND;
/** Streams that wait for a tunnel at one broker. */
export const WAITING_STREAMS = 1_024;
/** Concurrent streams that a broker opens in one tunnel, five times what the product promises; more wait for a place. */
export const BROKER_STREAMS = 1_000;
/** Concurrent streams that a bridge admits: node:http2 counts closed ones until their memory is freed. */
export const TUNNEL_STREAMS = 2 * BROKER_STREAMS;
/** Tunnels of one bridge, those in their handshake included: as many as a relay has splices. A bridge that has as many
 *  refuses new ones, and parks on for further legs of those; legs on their way to a tunnel are as many at the most. */
export const BRIDGE_TUNNELS = 1_000;
/** A tunnel is replaced when it is so old, or a tenth younger, drawn at random, as many begin at once: keys do not last. */
export const TUNNEL_LIFE_MS = 24 * 60 * 60 * SECOND;
/** And so long before a certificate of either end expires, or half as long, drawn at random, where there is so much time:
 *  a few tries fit in, and the clocks of the two machines may differ. Where less is left, half of that. */
export const TUNNEL_RENEW_MS = 60 * 60 * SECOND;
/** With less time left a new tunnel would be no gain. */
export const TUNNEL_RENEW_LEAST_MS = 10 * SECOND;
/** A bridge with a new certificate asks all its brokers at once for new tunnels; each waits for up to so long, drawn at random,
 *  as a full inner handshake costs a bridge a millisecond or two, and it may have BRIDGE_TUNNELS. */
export const TUNNEL_RENEW_SPREAD_MS = 5 * SECOND;
/** A replaced tunnel waits so long for its streams, then they are cut: a stream that lives on for days must not keep all of
 *  its tunnels. */
export const TUNNEL_RETIRE_MS = TUNNEL_LIFE_MS;
/** How often the machine's clock is looked at while a date is awaited: it may be set, and sleep does not count as time. */
export const WALL_LOOK_MS = 60 * SECOND;
/** From the word that a broker is denied to the end of its tunnel: a round trip around the globe. */
export const DENIED_LINGER_MS = SECOND;
/** Listeners of a broker, and targets of a bridge: a descriptor each, and nobody keeps more than a handful of stores. */
export const LISTENS = 16;
export const TARGETS = 16;
/** The bridge's dial to the target. */
export const TARGET_DIAL_TIMEOUT_MS = 10 * SECOND;
/** A stream is accepted within this, or the bridge does not answer: its dial and a slow line. */
export const STREAM_ACCEPT_MS = TARGET_DIAL_TIMEOUT_MS + 5 * SECOND;
/** A data frame of a tunnel: one TLS record of 16 KiB with its overhead fits. */
export const TUNNEL_FRAME_BYTES = 32 * KIB;
/** HTTP/2 flow-control windows: one stream, and all streams of a tunnel together. The first is what a stalled reader
 *  holds, and 10 MB/s over a round trip of 100 ms. node:http2 gives the second back at once, so that stalled readers do
 *  not use it up: they hold BROKER_STREAMS times the first at the most, until STALL_TIMEOUT_MS ends them. */
export const H2_STREAM_WINDOW = MIB;
export const H2_SESSION_WINDOW = 4 * MIB;
/** Megabytes that nghttp2 may hold for the streams of one tunnel themselves, some 5 KB each; bytes received are not
 *  counted. Past it new streams are refused, running ones go on. */
export const H2_SESSION_MEMORY_MB = 64;
/** Stream resets a tunnel takes at once, and per second after that. Node's default of 1,000 and 33 is made for
 *  strangers; a tunnel's peer is authenticated, and clients do cancel in bursts. */
export const H2_RESET_BURST = 100_000;
export const H2_RESET_RATE = 10_000;

// ---- routes and legs

/** IP addresses of one name that are dialled one by one: as many as a zone's worth of relays. */
export const ROUTE_ADDRESSES = 16;
/** A name that has not been looked up by then is dialled by what is known of it. */
export const LOOK_UP_WAIT_MS = SECOND;
/** Nodes that are remembered of one address (a load balancer), and of all of them: as many as a cluster has members. */
export const ROUTE_NODES = 16;
export const ROUTES_NODES = 128;
/** Dials in a row that the same node answered, past which an address stands for that node alone: a balancer over two
 *  nodes does so once in 2,048 times. */
export const ROUTE_SETTLED = 12;
/** An address that stands for a node to be avoided is tried again after so long: the network may have changed. */
export const ROUTE_RECHECK_MS = 5 * 60 * SECOND;
/** And one that may stand for others, though it has answered as one node only: after so long once it has done so twice, and
 *  after twice as long each time. Two dials at once find the other node behind most balancers; ten brokers behind one NAT
 *  make 60 dials in their first minute, where a relay admits RATE_CONNECTIONS. */
export const ROUTE_AGAIN_MS = 4 * SECOND;
/** A node that drains is skipped for so long after its last word, a refusal included: short, as it may be back by then. */
export const DRAINING_MEMORY_MS = 30 * SECOND;
/** Dials of one search for another node, one in 4,096 of which misses the other of two; and the pause after them, drawn from half of the ceiling up to it. It doubles up
 *  to its maximum. Twice that in a minute at the most, where a relay admits RATE_CONNECTIONS. */
export const SEARCH_DIALS = 12;
export const SEARCH_PAUSE_MS = 60 * SECOND;
export const SEARCH_PAUSE_MAX_MS = 10 * 60 * SECOND;
/** Dials of a tunnel whose legs share no node, to have them in two zones: half a search, as it could do without, over
 *  a minute with pauses that double from SEARCH_RETRY_MS. After them it is left as it is until a leg changes. */
export const ZONE_DIALS = SEARCH_DIALS / 2;
/** The pause where a relay, or the bridge's park, is gone: both come back within seconds as a rule. It doubles after the
 *  first few, which outlast PARK_SPREAD_MS. */
export const SEARCH_RETRY_MS = 2 * SECOND;
export const SEARCH_RETRIES_SOON = 4;
/** Dials of the round after such a pause. */
export const SEARCH_RETRY_DIALS = 4;
/** Who still has a leg waits up to so long before it makes up for a lost one: clients of a dead relay come to the others
 *  one by one. */
export const REPAIR_SPREAD_MS = 8 * SECOND;
/** And a bridge that has parks elsewhere: half of that, as brokers that come for their legs need them to be there. */
export const PARK_SPREAD_MS = REPAIR_SPREAD_MS / 2;
/** A bridge tells its brokers to get off a node that drains at random times within so long, as many bridges hear of it at
 *  once: a node's 1,000 splices cost the others two handshakes each, 250 a second in all. Much less than --drain-timeout. */
export const LEAVE_SPREAD_MS = 8 * SECOND;
/** Brokers that one bridge sends off within any RATE_WINDOW_MS, for each host of relays that is left. Each comes back over
 *  another park, a burst of them makes the bridge park as many more (PAIRING_WINDOW_MS), and its own parks at the node are to
 *  be replaced: 84 dials, where a relay admits RATE_CONNECTIONS of an address that no allow file lists. */
export const LEAVES_PER_HOST = 0.4 * RATE_CONNECTIONS;
/** Brokers that were told are told again so often while the node drains: well within DRAINING_MEMORY_MS. */
export const LEAVE_AGAIN_MS = 10 * SECOND;
/** A broker whose search for a replacement came to nothing lets a leg across a node that drains go after so long: long enough
 *  for a bridge to park elsewhere, and well before the end of --drain-timeout. */
export const LET_GO_MS = 15 * SECOND;
/** Nodes that drain at once, as a bridge remembers them. */
export const LEAVING_NODES = 16;
/** A broker replaces one leg after a time between the two. */
export const REBALANCE_MIN_MS = 30 * 60 * SECOND;
export const REBALANCE_MAX_MS = 60 * 60 * SECOND;

// ---- tunnel session

/** Bytes of one direction of a tunnel that are sent and not acknowledged, and likewise received and not read: 40 MB/s
 *  over a round trip of 100 ms. Each end holds so much of each direction at the most, and one chunk. */
export const SESSION_WINDOW_BYTES = 4 * MIB;
/** Chunks in which an end keeps what is not acknowledged, at 150 bytes of bookkeeping: 2 MB. Only records of less than
 *  256 bytes on average reach it before the window. */
export const SESSION_CHUNKS = 16_384;
/** Bytes received, or read, after which an acknowledgement is due: a hundredth of the window costs a thousandth of the
 *  traffic. */
export const SESSION_ACK_BYTES = 64 * KIB;
/** An acknowledgement waits this long for company: much less than the shortest stall that counts. */
export const SESSION_ACK_DELAY_MS = 20;
/** Each end asks each leg this often whether the other end is there: NAT tables forget after 30 s or more. */
export const SESSION_PROBE_MS = 5 * SECOND;
/** From a PROBE to the next byte of that leg: a round trip around the globe, and a stall of the other end. */
export const SESSION_ECHO_MS = 2 * SECOND;
/** No acknowledgement for so many round trips, within these bounds, and the leg is suspected: a healthy leg acknowledges
 *  each 20 ms while bytes arrive. The upper bound also holds while no round trip has been measured. */
export const SESSION_SUSPECT_FACTOR = 3;
export const SESSION_SUSPECT_MIN_MS = 300;
export const SESSION_SUSPECT_MAX_MS = 3 * SECOND;
/** A suspected leg without a byte for so long is closed: a slow line gets time to recover, as traffic is elsewhere. */
export const SESSION_SILENCE_MS = 20 * SECOND;
/** A session lives on for so long without any leg: a restart of all relays. Clients wait no longer than that. */
export const SESSION_DANGLING_MS = 60 * SECOND;
/** Bytes that wait in a leg before its session hands out no more: what is in there cannot move to another leg. */
export const SESSION_LEG_BUFFER_BYTES = 64 * KIB;
/** From the first byte of a leg to its session: two round trips around the globe and a slow line. */
export const LEG_OPENING_MS = 10 * SECOND;
/** Legs of one session: two, their two replacements. A further one takes the place of the most silent. */
export const SESSION_LEGS = 4;
