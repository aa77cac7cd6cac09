/** What a bridge or broker of a run is made of, and how the run deals with it. */
import type { StreamPlan } from '../scenario/scenario.ts';
import type { Authority } from './authorities.ts';
import type { Message } from './message.ts';
import type { SimNet } from './net.ts';
import type { ProcessClock } from './process-clock.ts';
import type { World } from './world.ts';

export interface SimClientOptions {
  readonly world: World;
  readonly net: SimNet<Message>;
  /** Its host: `bridge-0`, `broker-1`. Relays are `relay-0`, `relay-1` ...: hosts to dial, and names of nodes. */
  readonly name: string;
  readonly relays: readonly string[];
  /** Its certificates; `infoHash` is that of its CA. */
  readonly authority: Authority;
  /** Of this process: paused and ended by the run. The only one it may use. */
  readonly clock: ProcessClock;
}

/** One start of a process, which begins with its construction. A restart is another object. */
export interface SimClient {
  /** In good order, as by SIGTERM; calls `onStopped` when nothing of it is left. */
  stop(onStopped: () => void): void;
  /** Its timers have ended, and its connections do: nothing of it may happen any more. Streams of it fail. */
  kill(): void;
  /** New certificates are in place: connections from now on show them. */
  renew(): void;
  /** What it holds, for the history's `held`. */
  held(): { readonly sessions: number; readonly streams: number };
}

export interface SimBrokerClient extends SimClient {
  /** A client of it asks for a stream. */
  open(plan: StreamPlan): void;
  /** What it says of its tunnels, into the history. */
  tellTunnels(): void;
}

/** How the run makes clients. */
export interface Clients {
  readonly bridge: (options: SimClientOptions) => SimClient;
  readonly broker: (options: SimClientOptions) => SimBrokerClient;
}
