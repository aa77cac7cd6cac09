/**
 * Every limit of the product, in one place, each with its reason. None can be set from outside: no flag, variable
 * or file changes them. Unit tests pass others through constructors.
 *
 * Times are in milliseconds, sizes in bytes, unless the name says otherwise.
 */

const SECOND = 1_000;
const KIB = 1_024;
const MIB = 1_024 * KIB;

// ---- accepting connections

/** Idle time before the kernel's first keepalive probe; NAT tables commonly forget after 30 s or more. */
export const KEEPALIVE_MS = 10 * SECOND;
/** Connections that the kernel completes before we accept them: a zone's worth of clients that come back at once.
 *  The kernel's own limit (somaxconn, 4,096 by default) is higher. */
export const LISTEN_BACKLOG = 1_024;
/** Listening sockets on the public port. libuv accepts one connection of each in a turn of the event loop, and with splices
 *  at work there are 400 turns a second: with one socket a flood fills the backlog, and whoever comes then, bridges too, waits
 *  for the kernel to try again in 1, 3, 7 s. */
export const ACCEPTING_SOCKETS = 8;
/** From accept to the end of the TLS handshake, the time before the first byte included: a person on a bad line
 *  needs 3 s at most, a silent scanner should not hold a descriptor for longer. */
export const HANDSHAKE_TIMEOUT_MS = 10 * SECOND;
/** From accept to the end of a PROXY header, where one is due: the proxy is near, and sends it before anything else. */
export const PROXY_HEADER_TIMEOUT_MS = SECOND;
/** A PROXY header of version 1, its line end included (specification, section 2.1: the longest line possible). */
export const PROXY_V1_BYTES = 107;
/** A PROXY header of version 2, its additional fields included: the smallest segment that every TCP must take, into which
 *  headers are made to fit (specification, section 2). */
export const PROXY_V2_BYTES = 536;
/** Networks of trusted proxies. Each connection is compared with all of them; the largest public ones name about 20. */
export const PROXY_NETWORKS = 64;
/** Connections, and the time from the first of them, after which a relay can tell that all came from one address. Fewer
 *  than ten may well be one client. */
export const ONE_SOURCE_CONNECTIONS = 10;
export const ONE_SOURCE_WINDOW_MS = 60 * SECOND;
/** From the end of the handshake to a whole HELLO; a client sends it together with its Finished. */
export const HELLO_TIMEOUT_MS = 5 * SECOND;
/** A refused connection may take this long to read its REFUSED and close; then it is reset. */
export const REFUSED_LINGER_MS = 2 * SECOND;

// ---- door

/** A ClientHello with its record headers. With a post-quantum key share one has 1.8 KB; also what one peer may make us
 *  keep while it stands in line. */
export const CLIENT_HELLO_BYTES = 16 * KIB;
/** Handshakes whose server flight is being made: 38 ms of CPU, were they all to start in one turn. */
export const HANDSHAKE_PLACES = 64;
/** Places that are for proven sources only, so that a flood from others leaves half of them. */
export const HANDSHAKE_PLACES_KEPT = HANDSHAKE_PLACES / 2;
/** Of so many starts in a row one goes to a source that is not proven, where one waits: proven sources come first and
 *  starve nobody. */
export const HANDSHAKE_TURNS = 4;
/** Connections between accept and the end of their handshake, the silent ones too: four full listen backlogs, 16 KB each
 *  for socket and timer. */
export const UNFINISHED_HANDSHAKES = 4_096;
/** Unfinished handshakes of a proven source that count as none when a place is made: all parks of one bridge. */
export const UNFINISHED_OF_PROVEN = 64;
/** A source counts as proven for so long after its last connection whose proof was good: longer than an outage of its
 *  line or a restart takes. */
export const PROVEN_SOURCE_MS = 10 * 60 * SECOND;
/** Proven sources without a connection that are remembered, at 300 bytes: 3 MB. */
export const PROVEN_SOURCES = 10_000;
/** Part of the time that strangers get while splices have work, from their accept to the end of their handshake. Splices are to
 *  keep half, and what the kernel does for strangers is not in it. */
export const HANDSHAKE_CPU_PART = 0.4;
/** CPU time of handshakes in one turn of the event loop: four of them, a delay that no splice notices. Node accepts
 *  one connection a turn and listener, so longer turns would keep others out. */
export const HANDSHAKE_BATCH_MS = 2.5;
/** The longest rest of handshakes, whatever accepting costs: somebody who is to be served waits for one or two of them. */
export const HANDSHAKE_REST_MS = 50;
/** CPU time of handshakes that may be taken in advance after a rest: sixteen clients that come at once do not wait. */
export const HANDSHAKE_CREDIT_MS = 10;
/** How often it is looked whether those in line may go on; the shortest time a timer takes. */
export const HANDSHAKE_LOOK_MS = 1;
/** Part of a rest in which the event loop had nothing to do, past which nobody needs the rest of it. */
export const HANDSHAKE_IDLE_PART = 0.8;
/** Part of our descriptors past which nobody is let in: the rest is for what runs, and for accepting in order to close. They
 *  are let in again some way below, or a flood at the edge would take turns with everybody. */
export const DESCRIPTORS_FULL_PART = 0.9;
export const DESCRIPTORS_FREE_PART = 0.85;
/** Pause between counts of them; our own books serve in between. 10,000 take 0.1 ms, and 12 ms before Linux 6.2. */
export const DESCRIPTORS_COUNT_MS = SECOND;
/** Those of the runtime, listeners and log where the system does not count: 23 seen, and some for a cluster. */
export const DESCRIPTORS_OF_OURS = 64;
/** p99 of the event loop's delay past which nobody new is served: people notice a tenth of a second. */
export const LOOP_DELAY_MS = 100;
/** Pause between looks at loop and memory, and late ones in a row that count: one collection of garbage does not. */
export const LOAD_LOOK_MS = 500;
export const LOOP_LATE_LOOKS = 2;
/** Parts of the container's or machine's memory past which nobody new is served, and below which they are again. */
export const MEMORY_FULL_PART = 0.85;
export const MEMORY_FREE_PART = 0.8;
/** From one line about a full node to the next: whoever can fill it can do so often. */
export const FULL_LINE_MS = 60 * SECOND;

/** Connections of one source (an IPv4 address, an IPv6 /64) that enter in any RATE_WINDOW_MS. Part of the product. A bridge
 *  that starts opens 4 and a broker 2; what is left is for their reconnects and for others behind the same NAT. */
export const RATE_CONNECTIONS = 100;
/** The time that RATE_CONNECTIONS speaks of. Part of the product. */
export const RATE_WINDOW_MS = 60 * SECOND;
/** Connections over the limit, in any RATE_WINDOW_MS, that are told so in a REFUSED frame: as many again. Each costs a TLS
 *  handshake, so whoever goes on after that is closed without one. */
export const RATE_TOLD = RATE_CONNECTIONS;
/** Sources and wider IPv6 networks that are remembered; past it the one seen least recently is forgotten. Part of the
 *  product. They take 11 MB with every source at its limit, and never more. */
export const RATE_SOURCES = 10_000;
/** Times RATE_CONNECTIONS that the /64s of one IPv6 /56 enter together, and those of one /48. Customers get a /56 or a /48,
 *  which are 256 or 65,536 sources: taking turns between them must gain little. */
export const RATE_SHARE_56 = 5;
export const RATE_SHARE_48 = 20;
/** For info_hashes that no allow file lists: live connections of one source, spliced ones included. A quarter of the
 *  splices of a node. */
export const CONNECTIONS_PER_SOURCE = 256;
/** For the same: parks of one info_hash at one node. What one bridge keeps at the most, and sixteen by default. */
export const PARKS_PER_INFO_HASH = 64;

// ---- wire

/** A frame on the wire, its length field included. The largest legal HELLO needs 531 bytes. */
export const FRAME_BYTES = KIB;
/** `except` in HELLO: as many instances as one info_hash may name in a directory entry. */
export const EXCEPT_INSTANCES = 8;
/** `avoid` in HELLO: two paths of two nodes each. */
export const AVOID_NODES = 4;
/** A node or zone name: DNS label length (RFC 1035, section 2.3.4), which StatefulSet pod names keep too. */
export const NAME_BYTES = 63;
/** `software` in HELLO: name, version and a build mark fit. */
export const SOFTWARE_BYTES = 64;
/** The text of REFUSED: two sentences. */
export const REFUSED_TEXT_BYTES = 512;

// ---- proof

/** Certificates in a client's chain: leaf, two intermediates, root. */
export const CHAIN_CERTIFICATES = 4;
/** DER bytes of a whole chain; four RSA-4096 certificates with room to spare. */
export const CHAIN_BYTES = 16 * KIB;
/** RSA moduli outside these bounds are refused: shorter is weak, longer is a way to burn our CPU. */
export const RSA_MIN_BITS = 2_048;
export const RSA_MAX_BITS = 4_096;
/** RSA public exponents past this are refused: a long one makes a verification as dear as a signature. 65,537 is usual. */
export const RSA_MAX_EXPONENT = 2 ** 32;
/** ASN.1 elements in one certificate, or in the value of one extension, and how deep they nest. Ours have 50 and 5, the
 *  largest public root 82 and 5. The dearest chain that fits costs 6 ms to judge, 11 ms with signatures on P-521. */
export const DER_ELEMENTS = 160;
export const DER_DEPTH = 16;
/** Chains already judged good that a process remembers, at about 400 bytes: 1.6 MB, and as many as it has clients. */
export const PROOF_MEMORY_CHAINS = 4_096;
/** A PEM file of a daemon: ten times the largest chain that a relay would take. */
export const PEM_FILE_BYTES = 256 * KIB;

// ---- lot and matcher

/** How long a broker waits while no bridge is known. Secret-store clients give a TLS handshake 10 s. */
export const BROKER_WAIT_MS = 10 * SECOND;
/** How long a bridge may take to ACCEPT an OFFER: ten round trips around the globe. */
export const ACCEPT_TIMEOUT_MS = 2 * SECOND;
/** Pause between pings on a parked connection; shorter than the idle limit of common NATs and load balancers. */
export const PING_INTERVAL_MS = 15 * SECOND;
/** How long a pong may take before the connection is dead. */
export const PONG_TIMEOUT_MS = 5 * SECOND;
/** Frames that a client has not read yet; past it, the client is not reading at all and is dropped. */
export const CONTROL_BUFFER_BYTES = 16 * KIB;
/** Bytes of frames that a parked bridge may send between two of our pings. It has reason to send 14; at a frame each
 *  microsecond or so of CPU, more is an attack. */
export const PARKED_BYTES = 4 * KIB;
/** Bytes of a broker that are read before it is paired; its TLS ClientHello fits. */
export const EARLY_BYTES = 16 * KIB;

/** Concurrent splices of one process, local and forwarded together. Part of the product: the next one waits in line. */
export const SPLICE_SLOTS = 1_000;
/** Holders that a broker is sent to, one after the other, before it waits for another advert. */
export const HOLDER_TRIES = 3;
/** How long a forward may stand in the holder's line: the broker decides, by leaving; the longest time a timer takes. */
export const FORWARD_PATIENCE_MS = 24 * 60 * 60 * SECOND;
/** A broker that was declined for want of a slot, or found a holder again that it has been to, looks again within this
 *  time, drawn at random: a few round trips of a cluster. */
export const SEEK_PAUSE_MS = 50;

// ---- files

/** How often files that may change are read again; a mounted Secret takes up to a minute by itself. */
export const FILE_POLL_MS = 10 * SECOND;
/** An allow file of 100,000 lines of 65 bytes, comments included. */
export const ALLOW_FILE_BYTES = 8 * MIB;

// ---- splice

/** High-water mark of the streams of net/: one TLS record. One read of the kernel may bring 64 KiB more than that. */
export const STREAM_BUFFER_BYTES = 16 * KIB;
/** Bytes that one direction of a splice lets wait for its destination before it stops to read: one TLS record; three times
 *  as much costs the same CPU per byte. With TLS on both sides a direction holds at most 16 + 64 KiB read, 16 KiB of a
 *  record that is not whole, 16 + 16 KiB waiting and an encrypted copy of these: 160 KiB. With what the allocator keeps
 *  126 to 236 KiB were seen, below the 256 KiB that are promised. */
export const SPLICE_WINDOW_BYTES = 16 * KIB;
/** Bytes wait and none is accepted for this long: the peer is dead or hostile. The kernel alone would take 15 min. */
export const STALL_TIMEOUT_MS = 60 * SECOND;

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
/** A relay that sends nothing for this long to a broker that waits is dead: it pings every 15 s. */
export const RELAY_SILENCE_MS = PING_INTERVAL_MS + PONG_TIMEOUT_MS;
/** A name with several addresses: the next is tried after this long without an answer (RFC 8305, section 5). */
export const HAPPY_EYEBALLS_MS = 250;
/** TCP connect and TLS handshake of a dialling client together. */
export const DIAL_TIMEOUT_MS = 10 * SECOND;
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
/** Streams that wait for a tunnel at one broker. */
export const WAITING_STREAMS = 1_024;
/** Concurrent streams that a broker opens in one tunnel, five times what the product promises; more wait for a place. */
export const BROKER_STREAMS = 1_000;
/** Concurrent streams that a bridge admits: node:http2 counts closed ones until their memory is freed. */
export const TUNNEL_STREAMS = 2 * BROKER_STREAMS;
/** Tunnels of one bridge, those in their handshake included: as many as a relay has splices. A bridge that has as many
 *  parks no more, so that brokers wait at the relay or find another bridge. */
export const BRIDGE_TUNNELS = 1_000;
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
