/** Rare branches that the seeds of a longer run reach together. A run names those that it never reached, and those that are not listed here. */
import { CLIENT_POINTS } from './client-rare.ts';
import { RELAY_POINTS } from './rare.ts';

export const SOMETIMES: readonly string[] = [
  ...RELAY_POINTS,
  ...CLIENT_POINTS,
  'gossip: closed as deaf',
  'warning: this node has drained',
  'warning: every connection of the first minute came from one private address: if that is a load balancer, all clients share its rate limit; let it send the PROXY protocol and name its network with --proxy-protocol-from',
];
