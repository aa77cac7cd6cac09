/** The connection log: one record of each splice that has ended, where the operator asked for it. docs/logs.md. */
import type { Clock } from '../base/clock.ts';
import type { InfoHash } from '../base/info-hash.ts';
import { BLUR_BYTES, BLUR_DURATION_MS, BLUR_START_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { ConnectionLogField } from '../config/log-settings.ts';
import type { SpliceResult } from '../net/splice.ts';

/** local: both clients are here · origin: the broker is here, the bridge on another node · holder: the other way round. */
export type SpliceRole = 'local' | 'origin' | 'holder';

/** What is known of a splice when it begins. */
export interface SpliceFacts {
  readonly pairId: string;
  readonly role: SpliceRole;
  /** Names of the nodes that it crosses, the broker's first. */
  readonly path: readonly string[];
  /** Undefined: its bridge or broker was gone before. */
  readonly infoHash: InfoHash | undefined;
  /** IP addresses of the clients that are connected here. */
  readonly peer: { readonly broker?: string; readonly bridge?: string };
}

/** A client that is connected here. */
interface Client {
  readonly infoHash: InfoHash | undefined;
  readonly link: { readonly source: string };
}

export interface Joined {
  readonly pairId: string;
  /** Undefined: on another node, or gone. */
  readonly broker?: Client | undefined;
  readonly bridge?: Client | undefined;
  /** The broker's node, where that is another one. */
  readonly origin?: string | undefined;
  /** The bridge's. */
  readonly holder?: string | undefined;
}

/** What `node` knows of a splice of its own. */
export function spliceFacts(node: string, { pairId, broker, bridge, origin, holder }: Joined): SpliceFacts {
  const foreign = origin === undefined ? 'origin' : 'holder';
  return {
    pairId,
    role: origin === undefined && holder === undefined ? 'local' : foreign,
    path: [origin, node, holder].filter((name) => name !== undefined),
    infoHash: (bridge ?? broker)?.infoHash,
    peer: {
      ...(broker && { broker: broker.link.source }),
      ...(bridge && { bridge: bridge.link.source }),
    },
  };
}

export interface ConnectionLogOptions {
  readonly node: string;
  /** What is named as well. */
  readonly fields: readonly ConnectionLogField[];
  /** Whether times and sizes are rounded. */
  readonly blur: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

export class ConnectionLog {
  readonly #options: ConnectionLogOptions;

  constructor(options: ConnectionLogOptions) {
    this.#options = options;
  }

  /** A splice begins now, from the broker (a) to the bridge (b). Returns what is to be called when it has ended. */
  begin(facts: SpliceFacts): (result: SpliceResult) => void {
    const { clock } = this.#options;
    const [startedAt, since] = [clock.wall(), clock.now()];
    return (result) => this.#write(facts, result, startedAt, clock.now() - since);
  }

  #write(facts: SpliceFacts, result: SpliceResult, startedAt: number, durationMs: number): void {
    const { node, fields, blur, log } = this.#options;
    const time = (ms: number): string => new Date(blur ? floor(ms) : ms).toISOString();
    const bytes = (count: number): number => (blur ? roundUp(count, BLUR_BYTES) : count);
    log.record('splice', {
      // Of the start and the duration, not of the clock, which may have been set meanwhile.
      time: time(startedAt + durationMs),
      pairId: facts.pairId,
      role: facts.role,
      node,
      path: facts.path.join(', '),
      start: time(startedAt),
      durationMs: blur ? roundUp(durationMs, BLUR_DURATION_MS) : Math.round(durationMs),
      bytesFromBroker: bytes(result.bytesAToB),
      bytesFromBridge: bytes(result.bytesBToA),
      outcome: result.outcome,
      ...(fields.includes('peer') && { peer: facts.peer }),
      ...(fields.includes('info_hash') && { info_hash: facts.infoHash }),
    });
  }
}

function floor(ms: number): number {
  return Math.floor(ms / BLUR_START_MS) * BLUR_START_MS;
}

/** `unit` times a power of two, never less than `value`. */
function roundUp(value: number, unit: number): number {
  let rounded = unit;
  while (rounded < value) rounded *= 2;
  return rounded;
}
