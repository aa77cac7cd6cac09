/** One end of a tunnel in a run: what src/tunnel/{bridge,broker}-tunnel.ts are, over a {@link SimSession} and a mux. */
import { createHash } from 'node:crypto';
import { BeaconError, type ErrorCode } from '../../src/base/errors.ts';
import type { Random } from '../../src/base/random.ts';
import type { StreamPlan } from '../scenario/scenario.ts';
import type { SimLeg } from './leg.ts';
import { MuxReader, type MuxType, muxFrame } from './mux.ts';
import type { ProcessClock } from './process-clock.ts';
import type { SessionOwner, SimSession } from './session.ts';
import { StreamEnd, type StreamPort } from './stream-end.ts';
import type { World } from './world.ts';

/** Of a process, what its tunnels need. */
export interface TunnelHost {
  readonly world: World;
  readonly clock: ProcessClock;
  readonly random: Random;
  readonly name: string;
  /** Legs of impostors that run beside it: no concern of the product's, and to be reset with the process. */
  readonly impostors: Set<SimLeg>;
}

export const HANDSHAKE_BYTES = 32;

/** Both ends have seen both. */
export function tunnelKey(broker: Buffer, bridge: Buffer): Buffer {
  return createHash('sha256').update(broker).update(bridge).digest();
}

export abstract class TunnelEnd implements SessionOwner {
  readonly session: SimSession;
  protected readonly host: TunnelHost;
  protected readonly ends = new Map<number, StreamEnd>();
  /** No stream is opened any more; the session ends with the last one. */
  protected leaving = false;
  #over = false;
  readonly #reader: MuxReader;

  constructor(host: TunnelHost, session: SimSession) {
    this.host = host;
    this.session = session;
    this.#reader = new MuxReader((type, stream, payload) => {
      if (!this.#over) this.take(type, stream, payload);
    });
    session.owner = this;
  }

  /** Streams that are open in it. */
  get streams(): number {
    return this.ends.size;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Ends the tunnel now; its streams are broken. */
  destroy(): void {
    this.session.abort(new BeaconError('closed', 'the tunnel was cut here'));
  }

  /** The process is gone: whoever was connected to it sees a reset. */
  killed(): void {
    this.breakStreams('closed');
  }

  protected abstract take(type: MuxType, stream: number, payload: Buffer): void;

  protected send(type: MuxType, stream = 0, payload?: Buffer): void {
    if (!this.#over) this.session.write(muxFrame(type, stream, payload));
  }

  protected addStream(side: 'client' | 'store', id: number, plan: StreamPlan): StreamEnd {
    const { world, clock } = this.host;
    const { session } = this;
    const port: StreamPort = {
      get room() {
        return session.room;
      },
      write: (bytes) => this.send('data', id, bytes),
      end: () => this.send('end', id),
      reset: () => this.send('reset', id),
      onOver: () => this.#streamOver(id),
    };
    const end = new StreamEnd(side, plan, world, clock, port);
    this.ends.set(id, end);
    return end;
  }

  /** Frames of streams that are the same for both ends. */
  protected takeStream(type: MuxType, id: number, payload: Buffer): void {
    const end = this.ends.get(id);
    if (type === 'data') end?.onData(payload);
    else if (type === 'end') end?.onEnd();
    else if (type === 'reset') end?.fail('closed');
  }

  /** To be called when something has changed that it may have waited for. */
  protected endIfDone(): void {
    if (!this.leaving || this.ends.size > 0 || this.#over) return;
    this.#over = true;
    this.session.end();
    this.session.close();
  }

  protected breakStreams(code: ErrorCode): void {
    for (const end of [...this.ends.values()]) end.fail(code);
  }

  /** A stream is over, whichever way. */
  protected onStreamOver(_id: number): void {}

  #streamOver(id: number): void {
    this.ends.delete(id);
    this.onStreamOver(id);
    this.endIfDone();
  }

  // ---- the session

  onBytes(bytes: Buffer): void {
    this.#reader.push(bytes);
  }

  /** HTTP/2 has no use for half a connection. */
  onEnd(): void {
    this.leaving = true;
    this.breakStreams('closed');
    this.endIfDone();
  }

  onRoom(): void {
    for (const end of [...this.ends.values()]) end.onRoom();
  }

  onFailed(_error: BeaconError): void {
    this.#over = true;
    this.breakStreams('closed');
  }

  onGone(): void {
    this.#over = true;
  }

  onLegGone(_leg: SimLeg, _error: BeaconError | undefined): void {}
  onSuspect(): void {}
  onMove(_leg: SimLeg, _why: 'lost' | 'stalled'): void {}
  onLeave(_node: string): void {}
}
