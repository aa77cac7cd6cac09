/**
 * One client's connection at the relay, from the end of its TLS handshake to its splice or its end: reads frames,
 * knows where frames end and opaque bytes begin, and says what happened. What follows from it is the relay's choice.
 *
 * Opaque bytes that arrive early go back into the link's stream by `unshift`, so the splice finds them first.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { BeaconError, type RefusalCode } from '../base/errors.ts';
import type { InfoHash } from '../base/info-hash.ts';
import {
  CONTROL_BUFFER_BYTES,
  EARLY_BYTES,
  HELLO_TIMEOUT_MS,
  PARKED_BYTES,
  REFUSED_LINGER_MS,
} from '../base/limits.ts';
import type { Entry } from '../net/door/door.ts';
import type { Link } from '../net/link.ts';
import { clientFrames } from '../wire/decode.ts';
import { encodeRelayFrame } from '../wire/encode.ts';
import type { ClientFrame, Hello, Refused, RelayFrame, Role } from '../wire/frames.ts';
import type { ConnectionId } from './lot.ts';

/**
 * hello: nothing came yet · parked: frames both ways · offered: OFFER is out, frames come in until ACCEPT ·
 * accepted: opaque bytes come in, no frame goes out · waiting: a broker, opaque bytes come in, frames go out ·
 * spliced: not ours any more · refused: REFUSED is out · gone: closed, or about to be.
 */
export type ConnectionState =
  | 'hello'
  | 'parked'
  | 'offered'
  | 'accepted'
  | 'waiting'
  | 'spliced'
  | 'refused'
  | 'gone';

export interface ConnectionHandler {
  onHello(connection: Connection, hello: Hello): void;
  onPong(connection: Connection, token: number): void;
  /** Nothing more is read until the relay releases or drops the connection. */
  onAccept(connection: Connection, pairId: Buffer): void;
  /**
   * The relay is to refuse the client: a BeaconError says that it broke the protocol or was too slow for it, anything
   * else was thrown by one of these handlers and is a fault of ours.
   */
  onViolation(connection: Connection, error: unknown): void;
  /** REFUSED goes out to it. @param isNew it was not admitted yet. For metrics. */
  onRefused(connection: Connection, code: RefusalCode, isNew: boolean): void;
  /** The connection ended before it was spliced. Comes once. */
  onGone(connection: Connection): void;
}

export class Connection {
  readonly id: ConnectionId;
  readonly link: Link;
  /** How it came in. */
  readonly entry: Entry;
  readonly #handler: ConnectionHandler;
  readonly #clock: Clock;
  readonly #decoder = clientFrames();
  #state: ConnectionState = 'hello';
  #role: Role | undefined;
  #admittedAt = 0;
  #timer: Timer | undefined;
  #early: Buffer[] = [];
  #earlyBytes = 0;
  /** Read while parked, since our last PING. */
  #parkedBytes = 0;
  #infoHash: InfoHash | undefined;

  constructor(id: ConnectionId, link: Link, entry: Entry, clock: Clock, handler: ConnectionHandler) {
    this.id = id;
    this.link = link;
    this.entry = entry;
    this.#clock = clock;
    this.#handler = handler;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** As it says in HELLO; undefined before. */
  get role(): Role | undefined {
    return this.#role;
  }

  /** Milliseconds since it was admitted. */
  get waitedMs(): number {
    return this.#clock.now() - this.#admittedAt;
  }

  /** Begins to read. */
  start(): void {
    const { stream } = this.link;
    stream.on('data', this.#onData);
    stream.on('end', this.#onEnd);
    // An error of TLS does not close the stream by itself.
    stream.on('error', this.#onLost);
    stream.on('close', this.#onLost);
    this.#timer = this.#clock.after(HELLO_TIMEOUT_MS, () =>
      this.#violation(new BeaconError('timeout', `no whole HELLO within ${HELLO_TIMEOUT_MS / 1_000} s`)),
    );
    stream.resume();
  }

  /** Under which it was admitted. */
  get infoHash(): InfoHash | undefined {
    return this.#infoHash;
  }

  /** The bridge may stay: frames go on. */
  park(infoHash: InfoHash): void {
    this.#infoHash = infoHash;
    this.#state = 'parked';
  }

  /** The broker may stay: what it sends from now on is opaque. */
  wait(infoHash: InfoHash): void {
    this.#infoHash = infoHash;
    this.#state = 'waiting';
    this.#admittedAt = this.#clock.now();
    this.#keepEarly(this.#decoder.takeRest());
  }

  /** Sends OFFER, the last frame this bridge gets. */
  offer(pairId: Buffer): void {
    if (this.#state !== 'parked') return;
    this.#state = 'offered';
    this.#write({ type: 'offer', pairId });
  }

  /** Does nothing unless the client is parked or waits: nobody else reads frames. */
  send(frame: RelayFrame): void {
    if (frame.type === 'ping') this.#parkedBytes = 0;
    if (this.#state === 'parked' || this.#state === 'waiting') this.#write(frame);
  }

  /** A parked bridge hears that `node` is about to leave; nobody else has a use for it. */
  tellDraining(node: string): void {
    if (this.#state === 'parked') this.#write({ type: 'draining', node });
  }

  /** Says why, closes, and gives the client a moment to read it. */
  refuse(refused: Refused): void {
    if (this.#state === 'gone' || this.#state === 'refused') return;
    // After OFFER a bridge takes every byte for the broker's.
    if (this.#state === 'offered' || this.#state === 'accepted' || this.#state === 'spliced') {
      return this.drop();
    }
    this.#handler.onRefused(this, refused.code, this.#state === 'hello');
    this.#state = 'refused';
    this.#timer?.cancel();
    this.#timer = this.#clock.after(REFUSED_LINGER_MS, () => this.drop());
    this.#early = [];
    this.#write(refused);
    this.link.stream.end();
    // Read on and discard: unread bytes would turn our close into a reset that overtakes REFUSED.
    this.link.stream.resume();
  }

  /** Hands the link over to the caller, opaque bytes first in its stream. Nothing is read or reported after it. */
  release(): Link {
    const { stream } = this.link;
    stream.pause();
    this.#detach();
    this.#state = 'spliced';
    for (const chunk of this.#early.reverse()) stream.unshift(chunk);
    this.#early = [];
    return this.link;
  }

  /** Ends the connection with a reset. Idempotent. */
  drop(): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    this.#early = [];
    this.#detach();
    this.link.reset();
    this.#handler.onGone(this);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#state === 'waiting' || this.#state === 'accepted') return this.#keepEarly(chunk);
    if (this.#state === 'refused') return;
    try {
      if (this.#state === 'parked') this.#countParked(chunk.length);
      this.#decoder.push(chunk);
      this.#readFrames();
    } catch (error) {
      // Also what a handler threw: further up it would end the process.
      this.#violation(error);
    }
  };

  #countParked(bytes: number): void {
    this.#parkedBytes += bytes;
    if (this.#parkedBytes <= PARKED_BYTES) return;
    throw new BeaconError('malformed', `more than ${PARKED_BYTES} bytes of frames came between two PINGs`);
  }

  /** Every way to change the state ends the loop: what follows HELLO or ACCEPT may not be a frame. */
  #readFrames(): void {
    let frame: ClientFrame | undefined;
    do {
      const state = this.#state;
      if (state !== 'hello' && state !== 'parked' && state !== 'offered') return;
      frame = this.#decoder.next();
      if (frame) this.#onFrame(frame, state);
    } while (frame);
  }

  #onFrame(frame: ClientFrame, state: 'hello' | 'parked' | 'offered'): void {
    if (state === 'hello' && frame.type === 'hello') {
      this.#timer?.cancel();
      this.#role = frame.role;
      return this.#handler.onHello(this, frame);
    }
    if (state === 'offered' && frame.type === 'accept') {
      this.#state = 'accepted';
      this.link.stream.pause();
      this.#keepEarly(this.#decoder.takeRest());
      return this.#handler.onAccept(this, frame.pairId);
    }
    if (frame.type === 'ping' && state !== 'hello') {
      // After OFFER no frame may go out: a PING that crossed it goes unanswered.
      return state === 'parked' ? this.send({ type: 'pong', token: frame.token }) : undefined;
    }
    if (frame.type === 'pong' && state !== 'hello') return this.#handler.onPong(this, frame.token);
    this.#violation(new BeaconError('malformed', `a ${frame.type} frame is not expected in state ${state}`));
  }

  #keepEarly(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#early.push(chunk);
    this.#earlyBytes += chunk.length;
    if (this.#earlyBytes >= EARLY_BYTES) this.link.stream.pause();
  }

  #write(frame: RelayFrame): void {
    const { stream } = this.link;
    // A client that does not read its frames must not make us keep them.
    if (stream.writableLength > CONTROL_BUFFER_BYTES) this.drop();
    else stream.write(encodeRelayFrame(frame));
  }

  #violation(error: unknown): void {
    if (this.#state === 'gone' || this.#state === 'refused') return;
    this.#handler.onViolation(this, error);
  }

  /**
   * The end of what a client sends, before it is spliced, is the end of the client. One that is refused may have sent
   * its end before it could read why: the stream closes by itself once that is written.
   */
  readonly #onEnd = (): void => {
    if (this.#state !== 'refused') this.drop();
  };

  readonly #onLost = (): void => this.drop();

  #detach(): void {
    const { stream } = this.link;
    this.#timer?.cancel();
    stream.off('data', this.#onData);
    stream.off('end', this.#onEnd);
    stream.off('error', this.#onLost);
    stream.off('close', this.#onLost);
  }
}
