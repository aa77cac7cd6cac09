/** Hosts and ports of a chaos run. The toxic proxy tells by the port where a connection leads, and by the address whose it is. */

/** Relays are dialled by clients, for gossip, and for forwards: a port of each kind for each relay. */
export const clientPort = (relay: number): number => 8_400 + relay;
export const gossipPort = (relay: number): number => 7_900 + relay;
export const forwardPort = (relay: number): number => 7_400 + relay;
/** What a relay listens on for clients, whichever it is. */
export const RELAY_PORT = 8_443;
/** The store is called by each bridge at a port of its own, which names the bridge. */
export const storePort = (bridge: number): number => 9_000 + bridge;
export const BROKER_PORT = 8_199;
/** Where the toxic proxy is told what to do. */
export const CONTROL_PORT = 9_999;
export const HEALTH_PORT = 8_080;
export const ADMIN_PORT = 8_081;

/** What clients dial is the toxic proxy, under a name for each relay: so that they see as many hosts. */
export const entryHost = (relay: number): string => `entry-${relay}`;

/** How an info_hash is called in a history: one CA, one hash. */
export const infoHashOf = (ca: number): string => `ca-${ca}`;
