/** Limits of a relay towards its clients, and of the protocol that it speaks with them. See ../limits.ts. */
import { KIB, MIB, SECOND } from './units.ts';

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

// ---- drain

/** How long a node that drains waits for its splices by default, which its ends move one by one: a broker needs LEAVE_SPREAD_MS
 *  and a dial, more where a bridge has many tunnels. Service managers commonly allow 90 s. And the longest that can be set. */
export const DRAIN_TIMEOUT_DEFAULT_MS = 60 * SECOND;
export const DRAIN_TIMEOUT_MAX_MS = 60 * 60 * SECOND;
/** Parks of a node that drains are sent elsewhere one in so much time, at random times of the whole: 100 a second, which cost
 *  the other nodes a tenth of their time together. */
export const DRAIN_PARK_MS = 10;
/** And all of them within so long: then other nodes share 2,000 of them, which is the most that DRAIN_PARK_MS is kept for. Where
 *  a third of --drain-timeout is less, within that. */
export const DRAIN_PARKS_MS = 20 * SECOND;
/** From the last of those times to the end of parks that are still here, once no splice is left: a dial and a PARKED. */
export const DRAIN_LINGER_MS = SECOND;

// ---- files

/** How often files that may change are read again; a mounted Secret takes up to a minute by itself. */
export const FILE_POLL_MS = 10 * SECOND;
/** How long systemd-notify may take, which waits until systemd has read what it says: longer means that nobody reads. */
export const NOTIFY_TIMEOUT_MS = 5 * SECOND;
/** Between two signs of life to systemd, whatever the unit asks for: each is a process. */
export const NOTIFY_WATCHDOG_MIN_MS = SECOND;
/** An allow file of 100,000 lines of 65 bytes, comments included. */
export const ALLOW_FILE_BYTES = 8 * MIB;
/** A deny file of 10,000 certificates, with a comment each: all are looked up for each tunnel when it changes. */
export const DENY_FILE_BYTES = MIB;
/** CA certificates in --tls-ca: the one that is left and the one that comes. More is the wrong file. */
export const BRIDGE_CAS = 2;

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

// ---- connection log, rounded by --blur

/** When a splice began. Whoever watched one of its ends knows that to the second; an hour holds many others. */
export const BLUR_START_MS = 3_600 * SECOND;
/** How long it took, times a power of two: most splices fall into one of ten sizes. */
export const BLUR_DURATION_MS = 60 * SECOND;
/** What went one way, times a power of two: all that is secrets and no snapshot looks the same. */
export const BLUR_BYTES = MIB;
