/** Limits of the listeners for health, metrics and administration, and of the tools that ask them. See ../limits.ts. */
import { KIB, MIB, SECOND } from './units.ts';

/** Connections of one listener; the next one closes the oldest, so that a flood keeps no probe out. 50 scrapers come at
 *  once, and a probe or a person as well. */
export const ADMIN_CONNECTIONS = 128;
/** Request line and headers. A browser sends 1 KB, a scraper less. */
export const ADMIN_HEADER_BYTES = 8 * KIB;
/** Header lines of one request. Browsers send 20. */
export const ADMIN_HEADERS = 64;
/** Body of a request: no endpoint wants one, and some clients send an empty object. */
export const ADMIN_BODY_BYTES = KIB;
/** From the first byte of a request to its last one: it comes from this machine, or from one beside it. */
export const ADMIN_REQUEST_MS = 5 * SECOND;
/** How often Node looks for requests that take longer. */
export const ADMIN_REQUEST_LOOK_MS = SECOND;
/** How long a connection stays open between two requests: longer than the usual pause between scrapes. */
export const ADMIN_IDLE_MS = 65 * SECOND;
/** From the last byte of an answer that was taken to the end of a connection that takes no more. */
export const ADMIN_STALL_MS = 10 * SECOND;
/** How long the connections of a listener that closes may finish their answers. */
export const ADMIN_CLOSE_MS = SECOND;
/** A tool waits so long for an answer: a process with a busy event loop answers within a second. */
export const ADMIN_ANSWER_MS = 10 * SECOND;
/** An answer that a tool takes: the status of a node with 64 members and 1,000 tunnels has 300 KB. */
export const ADMIN_ANSWER_BYTES = 4 * MIB;
/** Pause between two looks of `beacon drain --wait`: drains take seconds. */
export const ADMIN_POLL_MS = SECOND / 4;
/** A drained process stays so long for `beacon drain --wait` to see how it ended, unless it has: two of its looks. */
export const ADMIN_DRAINED_MS = 2 * ADMIN_POLL_MS;
/** Legs and tunnels that a status lists; past it only their numbers are told. Nobody reads more. */
export const STATUS_ROWS = 100;
/** The event loop's delay is summed up over so long: every scrape sees at least one whole period. */
export const LOOP_DELAY_PERIOD_MS = 10 * SECOND;
