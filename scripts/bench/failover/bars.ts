/** The bars of `bench:failover`, in the order of its table. */
import type { Limit } from '../report.ts';

const STALL: Limit & { of: string } = {
  what: 'stall at the client, warm second leg',
  bar: 500,
  unit: 'ms',
  of: 'p99',
};
const SINGLE: Limit & { of: string } = { what: 'stall, single leg', bar: 3_000, unit: 'ms', of: 'p99' };
const HOLE: Limit & { of: string } = {
  what: 'black hole in mid-transfer: traffic on the other leg',
  bar: 3_500,
  unit: 'ms',
  of: 'worst',
};

export const BARS = {
  loss: {
    what: 'SIGKILL of a relay that carries a 256 MiB transfer, 100 random moments, each direction, each node of the path',
    bar: '0 bytes lost, duplicated or reordered (SHA-256), 0 errors at the client',
  },
  stall: STALL,
  single: SINGLE,
  hole: HOLE,
  dropped: { what: "warm leg silently dropped for 60 s, then the active leg's node killed", bar: '0 errors' },
  outage: { what: 'all relays down for 20 s', bar: 'the transfer resumes and completes' },
  posts: {
    what: '1,000 POSTs with a unique id while a relay dies every 2 s',
    bar: 'each seen by the store exactly once, each answered',
  },
  overhead: {
    what: 'framing overhead',
    bar: 'at most 1 % of bytes; CPU of both ends at most 1.7 x HTTP/2 over plain inner mTLS',
  },
  memory: { what: 'memory of a tunnel with a stalled reader', bar: 'at most window + 1 MiB (5 MiB)' },
  crowd: {
    what: '600 clients on three relays, one dies',
    bar: 'all two legs again within 20 s, none without a leg over 5 s; busier survivor at most 60 %; peak dials a second at most 3 x the mean',
  },
  rebuild: {
    what: 'one bridge on one address, 200 tunnels rebuilt after its relay died',
    bar: 'within 30 s with production limits',
  },
} as const;
