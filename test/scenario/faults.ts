/** Faults as data: the same for the simulator and for real processes. */

/** A process by its index: a relay, a bridge, or a broker. */
export type Place = { readonly relay: number } | { readonly bridge: number } | { readonly broker: number };

/** What befalls a link between two places; each is on for the time of its fault. */
export type LinkFault =
  /** Nothing arrives, from `from` to `to` only, or both ways; nobody is told. */
  | { readonly kind: 'cut'; readonly from: Place; readonly to: Place; readonly oneWay: boolean }
  /** Connections stay, new ones too, and nothing ever arrives. */
  | { readonly kind: 'blackHole'; readonly from: Place; readonly to: Place }
  /** All connections between the two are reset, once. */
  | { readonly kind: 'reset'; readonly from: Place; readonly to: Place }
  /** Everything takes `ms` longer, and up to as much again at random. */
  | { readonly kind: 'slow'; readonly from: Place; readonly to: Place; readonly ms: number }
  /** Of gossip and heartbeats; streams of bytes know no such thing. */
  | { readonly kind: 'drop' | 'duplicate' | 'reorder'; readonly share: number };

/** What befalls a process. */
export type ProcessFault =
  /** SIGKILL; it starts again when the fault is over. */
  | { readonly kind: 'kill'; readonly place: Place }
  /** SIGKILL and started again at once. */
  | { readonly kind: 'restart'; readonly place: Place }
  /** It does nothing, and its sockets stay. */
  | { readonly kind: 'pause'; readonly place: Place }
  /** SIGTERM; it starts again when the fault is over. Relays only. */
  | { readonly kind: 'drain'; readonly place: Place }
  /** The wall clock of the process jumps; the time that timers run by does not. */
  | { readonly kind: 'clockJump'; readonly place: Place; readonly ms: number }
  /** New certificates are put in place. */
  | { readonly kind: 'certificates'; readonly place: Place };

export type Fault = (LinkFault | ProcessFault) & {
  /** Milliseconds since the run began. */
  readonly atMs: number;
  /** 0 where it is over at once. */
  readonly forMs: number;
};
export type FaultKind = Fault['kind'];

export const FAULT_KINDS = [
  'cut',
  'blackHole',
  'reset',
  'slow',
  'drop',
  'duplicate',
  'reorder',
  'kill',
  'restart',
  'pause',
  'drain',
  'clockJump',
  'certificates',
] as const satisfies readonly FaultKind[];

/** How a process is called in a history. */
export function nameOf(place: Place): string {
  if ('relay' in place) return `relay-${place.relay}`;
  return 'bridge' in place ? `bridge-${place.bridge}` : `broker-${place.broker}`;
}
