/**
 * One end of a session with the smallest driver there is, in virtual time, and legs between two of them. What it checks
 * by itself: bytes arrive once and in order, memory stays within bounds, no deadline lies in the past after a tick.
 */
import assert from 'node:assert';
import type { Clock, Timer } from '../../src/base/clock.ts';
import { INNER_HANDSHAKE_TIMEOUT_MS } from '../../src/base/limits.ts';
import type { Random } from '../../src/base/random.ts';
import {
  encodeTunnelFrame,
  TUNNEL_VERSION,
  type TunnelFrame,
  TunnelFrameDecoder,
} from '../../src/tunnel/frames.ts';
import { type AttachOptions, BridgeAttach, BrokerAttach } from '../../src/tunnel/session/attach.ts';
import { Session } from '../../src/tunnel/session/session.ts';
import type {
  SessionEffect,
  SessionInput,
  SessionLimits,
  SessionRole,
} from '../../src/tunnel/session/types.ts';
import { SimPipe } from './sim-pipe.ts';

export const SIM_KEY = Buffer.alloc(32, 7);
export const SIM_SESSION = Buffer.alloc(16, 5);

/** Byte `at` of the stream that the end with this role writes. */
export function patternOf(role: SessionRole, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const salt = role === 'broker' ? 17 : 91;
  for (let at = 0; at < length; at += 1) bytes[at] = (at * 31 + (at >> 8) * 7 + (at >> 16) + salt) & 0xff;
  return bytes;
}

interface Port {
  readonly id: number;
  readonly out: SimPipe;
  readonly decoder: TunnelFrameDecoder;
  attach: BrokerAttach | BridgeAttach | undefined;
  attached: boolean;
  gone: boolean;
}

export interface EndOptions {
  readonly role: SessionRole;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Partial<SessionLimits>;
  /** What this end writes, and what it is to get. */
  readonly outgoing: Buffer;
  readonly incoming: Buffer;
  readonly largestChunk: number;
}

export class SimEnd {
  readonly session: Session;
  readonly options: EndOptions;
  readonly effects: string[] = [];
  readonly drops: string[] = [];
  error: string | undefined;
  ended = false;
  written = 0;
  received = 0;
  consumed = 0;
  /** Bytes that went out on all legs. */
  sentBytes = 0;
  /** The reader takes what comes at once. */
  eager = true;
  onDrop: (leg: number) => void = () => {};
  readonly #ports = new Map<number, Port>();
  /** From a write that filled the session until it says `room`. */
  #blocked = false;
  #timer: Timer | undefined;

  constructor(options: EndOptions) {
    this.options = options;
    this.session = new Session(options.role, options.clock.now(), options.limits);
  }

  get attachedLegs(): number {
    return this.session.stats(0).legs.length;
  }

  port(id: number, out: SimPipe): void {
    const handler = {
      onData: (offset: number, bytes: Buffer) => {
        this.step({ on: 'data', leg: id, offset, bytes });
      },
      onClose: (offset: number) => this.#frame(id, { type: 'close', offset }),
      onFrame: (frame: TunnelFrame) => this.#frame(id, frame),
    };
    const decoder = new TunnelFrameDecoder(handler);
    this.#ports.set(id, { id, out, decoder, attach: undefined, attached: false, gone: false });
    out.write(Buffer.of(TUNNEL_VERSION));
    this.options.clock.after(INNER_HANDSHAKE_TIMEOUT_MS, () => {
      const port = this.#ports.get(id);
      if (port && !port.attached) this.#drop(port);
    });
  }

  /** The broker's first frame. */
  begin(id: number, first: boolean): void {
    const port = this.#ports.get(id);
    assert(port);
    if (first) {
      this.#send(port, { type: 'new', session: SIM_SESSION });
      this.#attached(port, 0, 0);
      return;
    }
    port.attach = new BrokerAttach(this.#attachOptions());
    this.#send(port, port.attach.first);
  }

  bytes(id: number, bytes: Buffer): void {
    const port = this.#ports.get(id);
    if (!port || port.gone) return;
    try {
      port.decoder.push(bytes);
    } catch {
      this.#drop(port);
      this.step({ on: 'lost', leg: id, clean: false });
    }
    this.pump();
  }

  lost(id: number, clean: boolean): void {
    const port = this.#ports.get(id);
    if (!port || port.gone) return;
    if (clean && this.session.state === 'done') port.out.end();
    else port.out.reset();
    port.gone = true;
    this.#ports.delete(id);
    this.onDrop(id);
    this.step({ on: 'lost', leg: id, clean });
    this.pump();
  }

  /** Writes up to `most` bytes of what is to go out; ends after the last. */
  write(most: number): void {
    const { outgoing } = this.options;
    if (this.error !== undefined || this.#blocked || this.written === outgoing.length) return;
    const bytes = outgoing.subarray(this.written, this.written + most);
    this.written += bytes.length;
    this.step({ on: 'write', bytes });
    this.#blocked = !this.session.room;
    if (this.written === outgoing.length) this.step({ on: 'end' });
    this.pump();
  }

  read(most: number): void {
    const total = Math.min(this.received, this.consumed + most);
    if (total === this.consumed) return;
    this.consumed = total;
    this.step({ on: 'consumed', total });
    this.pump();
  }

  step(input: SessionInput): void {
    const { clock } = this.options;
    for (const effect of this.session.step(input, clock.now())) this.#carryOut(effect);
    this.#check();
  }

  pump(): void {
    const { clock } = this.options;
    for (const port of [...this.#ports.values()]) {
      if (!port.attached) continue;
      while (port.out.room) {
        const pieces = this.session.next(port.id, 16_384, clock.now());
        if (pieces.length === 0) break;
        const bytes = Buffer.concat(pieces);
        this.sentBytes += bytes.length;
        port.out.write(bytes);
      }
      if (this.session.state === 'done') port.out.end();
    }
    this.#arm();
  }

  /** No timer of ours is left behind. */
  stop(): void {
    this.#timer?.cancel();
  }

  #arm(): void {
    const { clock } = this.options;
    this.#timer?.cancel();
    const at = this.session.deadline();
    if (at === undefined) return;
    this.#timer = clock.after(Math.max(0, at - clock.now()), () => {
      this.step({ on: 'tick' });
      const next = this.session.deadline();
      assert(
        next === undefined || next > clock.now(),
        `a deadline at ${next}, after the tick of ${clock.now()}`,
      );
      this.pump();
    });
  }

  #frame(id: number, frame: TunnelFrame): void {
    const port = this.#ports.get(id);
    if (!port || port.gone) return;
    if (port.attached) return this.step({ on: 'frame', leg: id, frame });
    if (!port.attach && frame.type === 'new') return this.#attached(port, 0, 0);
    if (!port.attach && frame.type === 'attach') {
      // As a bridge that has forgotten the session: sooner or later the leg ends.
      if (this.session.state === 'over' || this.session.state === 'failed') return this.#drop(port);
      port.attach = new BridgeAttach(this.#attachOptions(), frame.nonce);
      return this.#send(port, port.attach.first);
    }
    assert(port.attach, `${frame.type} came first`);
    const step = port.attach.take(frame);
    if (step.send) this.#send(port, step.send);
    if (step.do === 'attached') this.#attached(port, step.offset, step.floor);
  }

  #attached(port: Port, offset: number, floor: number): void {
    port.attached = true;
    this.step({ on: 'attach', leg: port.id, offset, floor });
    // There is no inner handshake here.
    this.step({ on: 'established' });
  }

  #attachOptions(): AttachOptions {
    const standing = () => this.session;
    return { session: SIM_SESSION, key: SIM_KEY, nonce: this.options.random.bytes(32), standing };
  }

  #send(port: Port, frame: TunnelFrame): void {
    port.out.write(encodeTunnelFrame(frame));
  }

  #drop(port: Port): void {
    port.gone = true;
    port.out.reset();
    this.#ports.delete(port.id);
    this.onDrop(port.id);
  }

  #carryOut(effect: SessionEffect): void {
    if (effect.do !== 'deliver') this.effects.push(effect.do);
    switch (effect.do) {
      case 'deliver':
        return this.#deliver(effect.bytes);
      case 'ended':
        assert.equal(this.received, this.options.incoming.length, 'a clean end before all was there');
        assert(!this.ended, 'ended twice');
        this.ended = true;
        return;
      case 'drop': {
        this.drops.push(effect.reason);
        const port = this.#ports.get(effect.leg);
        if (port) this.#drop(port);
        return;
      }
      case 'fail':
        this.error = effect.error.code;
        for (const port of [...this.#ports.values()]) this.#drop(port);
        return;
      case 'room':
        this.#blocked = false;
        return;
      case 'suspect':
      case 'move':
      case 'dangling':
      case 'leave':
      case 'done':
      case 'over':
        return;
    }
  }

  #deliver(bytes: Buffer): void {
    const expected = this.options.incoming.subarray(this.received, this.received + bytes.length);
    assert(bytes.equals(expected), `wrong bytes at ${this.received}`);
    this.received += bytes.length;
    if (this.eager) this.options.clock.after(0, () => this.read(this.received));
  }

  #check(): void {
    const window = this.options.limits.windowBytes;
    if (window === undefined) return;
    const { unacknowledgedBytes, unreadBytes } = this.session.stats(0);
    assert(unacknowledgedBytes < window + this.options.largestChunk, 'more kept than a window and a chunk');
    assert(unreadBytes <= window, 'more unread than a window');
  }
}

export interface LegShape {
  readonly latencyMs: number;
  readonly bytesPerMs: number;
  readonly bufferBytes: number;
  /** Cuts what is written into pieces, so that a frame may arrive in part; default: none. */
  readonly split?: (bytes: Buffer) => readonly Buffer[];
}

/** A leg between two ends: two pipes that share their fate, or do not. */
export class SimLeg {
  readonly there: SimPipe;
  readonly back: SimPipe;

  constructor(id: number, broker: SimEnd, bridge: SimEnd, shape: LegShape) {
    const pipe = (from: SimEnd, to: SimEnd): SimPipe =>
      new SimPipe({
        clock: from.options.clock,
        latencyMs: shape.latencyMs,
        bytesPerMs: shape.bytesPerMs,
        bufferBytes: shape.bufferBytes,
        split: shape.split,
        onBytes: (bytes) => to.bytes(id, bytes),
        onDrain: () => from.pump(),
        onEnd: (clean) => to.lost(id, clean),
      });
    this.there = pipe(broker, bridge);
    this.back = pipe(bridge, broker);
    broker.port(id, this.there);
    bridge.port(id, this.back);
  }

  /** Both ends see an abort. */
  cut(): void {
    this.there.reset();
    this.back.reset();
  }

  hold(which: 'there' | 'back' | 'both'): void {
    if (which !== 'back') this.there.hold();
    if (which !== 'there') this.back.hold();
  }

  heal(): void {
    this.there.heal();
    this.back.heal();
  }
}
