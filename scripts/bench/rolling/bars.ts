/** The bars of `bench:rolling`, in the order of its table. */
import type { Limit } from '../report.ts';

const IDLE: Limit = { what: 'drain of an idle node', bar: 2, unit: 's' };
const HOUR: Limit = {
  what: 'one hour after a rolling restart, simulated clock: busiest of three nodes',
  bar: 45,
  unit: '% of the legs',
};

export const BARS = {
  restart: {
    what: 'rolling restart of three replicas, one by one, under 200 requests a second for 3 minutes',
    bar: '0 failed, 0 retried, each id once in the store',
  },
  idle: IDLE,
  moved: {
    what: 'drain of a node with 300 tunnels, 50 of them to one bridge on one address',
    bar: 'all moved within the window, 0 failed requests, busiest other node at most 60 %',
  },
  hour: HOUR,
} as const;
