/** The bridge's end of a tunnel in a run: serves streams from the store. */
import assert from 'node:assert/strict';
import type { InfoHash } from '../../src/base/info-hash.ts';
import type { StreamPlan } from '../scenario/scenario.ts';
import type { MuxType } from './mux.ts';
import type { SimSession } from './session.ts';
import { HANDSHAKE_BYTES, TunnelEnd, type TunnelHost, tunnelKey } from './tunnel-end.ts';

export interface BridgeEndHandler {
  /** Its handshake is over. */
  onUp(tunnel: BridgeEnd): void;
  /** Nothing of it is left. */
  onGone(tunnel: BridgeEnd): void;
}

export class BridgeEnd extends TunnelEnd {
  readonly #infoHash: InfoHash;
  readonly #handler: BridgeEndHandler;
  #key: Buffer | undefined;
  #up = false;
  #saidGoaway = false;
  #lastStream = 0;

  constructor(host: TunnelHost, session: SimSession, infoHash: InfoHash, handler: BridgeEndHandler) {
    super(host, session);
    this.#infoHash = infoHash;
    this.#handler = handler;
  }

  /** Whether its handshake is over. */
  get up(): boolean {
    return this.#up;
  }

  /** Says GOAWAY, and ends with the last stream. */
  close(): void {
    if (this.#saidGoaway) return;
    this.#saidGoaway = true;
    this.leaving = true;
    const last = Buffer.alloc(4);
    last.writeUInt32BE(this.#lastStream);
    this.send('goaway', 0, last);
    this.endIfDone();
  }

  askRenewal(): void {
    this.send('renew');
  }

  protected take(type: MuxType, stream: number, payload: Buffer): void {
    switch (type) {
      case 'hello':
        return this.#hello(payload);
      case 'finished':
        assert(this.#key);
        this.#up = true;
        this.session.establish(this.#key);
        this.send('settings');
        return this.#handler.onUp(this);
      case 'open':
        return this.#open(stream, payload);
      case 'ping':
        return this.send('pong');
      default:
        return this.takeStream(type, stream, payload);
    }
  }

  override onGone(): void {
    super.onGone();
    this.#handler.onGone(this);
  }

  #hello(broker: Buffer): void {
    const own = this.host.random.bytes(HANDSHAKE_BYTES);
    this.#key = tunnelKey(broker, own);
    this.send('hello', 0, own);
  }

  #open(id: number, payload: Buffer): void {
    // What crosses the GOAWAY is not looked at.
    if (this.#saidGoaway) return;
    this.#lastStream = id;
    const plan: StreamPlan = JSON.parse(payload.toString());
    const { world, name } = this.host;
    world.record({ what: 'served', stream: plan.stream, bridge: name, infoHash: this.#infoHash });
    const end = this.addStream('store', id, plan);
    this.send('accept', id);
    end.start();
  }
}
