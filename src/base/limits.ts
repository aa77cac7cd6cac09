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
/** From accept to the end of the TLS handshake, the time before the first byte included: a person on a bad line
 *  needs 3 s at most, a silent scanner should not hold a descriptor for longer. */
export const HANDSHAKE_TIMEOUT_MS = 10 * SECOND;
/** From the end of the handshake to a whole HELLO; a client sends it together with its Finished. */
export const HELLO_TIMEOUT_MS = 5 * SECOND;
/** A refused connection may take this long to read its REFUSED and close; then it is reset. */
export const REFUSED_LINGER_MS = 2 * SECOND;

// ---- wire

/** A frame on the wire, its length field included. The largest legal HELLO needs 607 bytes. */
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

// ---- lot and matcher

/** How long a broker waits while no bridge is known. Secret-store clients give a TLS handshake 10 s. */
export const BROKER_WAIT_MS = 10 * SECOND;
/** How long a bridge may take to ACCEPT an OFFER: ten round trips around the globe. */
export const ACCEPT_TIMEOUT_MS = 2 * SECOND;
/** Pause between pings on a parked connection; shorter than the idle limit of common NATs and load balancers. */
export const PING_INTERVAL_MS = 15 * SECOND;
/** How long a pong may take before the connection is dead. */
export const PONG_TIMEOUT_MS = 5 * SECOND;
/** Bytes of a broker that are read before it is paired; its TLS ClientHello fits. */
export const EARLY_BYTES = 16 * KIB;

// ---- splice

/** High-water mark of each stream buffer. Four such buffers and a record per direction stay below 256 KiB. */
export const STREAM_BUFFER_BYTES = 64 * KIB;
/** Bytes wait and none is accepted for this long: the peer is dead or hostile. The kernel alone would take 15 min. */
export const STALL_TIMEOUT_MS = 60 * SECOND;

// ---- bridge and broker

/** Parked connections a bridge keeps at the least, by default, and at the most when pairings come fast. */
export const PARKS_DEFAULT = 4;
export const PARKS_MAX = 64;
/** Backoff of a reconnecting client: ceiling of the first wait, largest ceiling, and what counts as health. */
export const RECONNECT_FIRST_MS = 500;
export const RECONNECT_MAX_MS = 30 * SECOND;
export const RECONNECT_HEALTHY_MS = 5 * SECOND;
/** TCP connect and TLS handshake of a dialling client together. */
export const DIAL_TIMEOUT_MS = 10 * SECOND;
/** A tunnel's inner handshake, from PAIRED (or ACCEPT) on. */
export const INNER_HANDSHAKE_TIMEOUT_MS = 10 * SECOND;
/** A new stream waits this long for a tunnel: a secret-store client gives up after 10 s by itself. */
export const STREAM_WAIT_MS = 10 * SECOND;
/** Streams that wait for a tunnel at one broker. */
export const WAITING_STREAMS = 1_024;
/** Concurrent streams of one tunnel that a bridge admits; five times what the product promises. */
export const TUNNEL_STREAMS = 1_000;
/** The bridge's dial to the target. */
export const TARGET_DIAL_TIMEOUT_MS = 10 * SECOND;
/** A data frame of a tunnel: one TLS record of 16 KiB with its overhead fits. */
export const TUNNEL_FRAME_BYTES = 32 * KIB;
/** HTTP/2 flow-control windows: one stream, and all streams of a tunnel together. A stalled reader holds the first. */
export const H2_STREAM_WINDOW = MIB;
export const H2_SESSION_WINDOW = 4 * MIB;
/** Stream resets a tunnel takes at once, and per second after that. Node's default of 1,000 and 33 is made for
 *  strangers; a tunnel's peer is authenticated, and clients do cancel in bursts. */
export const H2_RESET_BURST = 100_000;
export const H2_RESET_RATE = 10_000;
