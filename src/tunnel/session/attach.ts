/**
 * Challenge and response by which a leg joins a session: only who holds the key of its inner TLS session can do it. Both
 * ends, pure: what they are fed are the frames of the leg, in the order they came.
 *
 * Each end's MAC is bound to its role, so that its own cannot be sent back to it; to the session; to both nonces, so
 * that neither can be used again; and to what it says it has received. It is checked before the offset is looked at.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { BeaconError } from '../../base/errors.ts';
import type { TunnelFrame } from '../frames.ts';
import type { SessionRole } from './types.ts';

/** For TLSSocket.exportKeyingMaterial (RFC 8446, section 7.5): with an empty context. */
export const EXPORTER_LABEL = 'EXPORTER-beacon-tunnel';
export const EXPORTED_KEY_BYTES = 32;

/** Of one length, so that what is authenticated can be cut into its parts in one way only. */
export const ROLE_LABELS: { readonly [R in SessionRole]: string } = {
  broker: 'beacon broker',
  bridge: 'beacon bridge',
};

/** What both MACs are made of, but for role and offset. */
export interface Exchange {
  /** 32 bytes, exported from the inner TLS session. */
  readonly key: Buffer;
  readonly session: Buffer;
  readonly brokerNonce: Buffer;
  readonly bridgeNonce: Buffer;
}

export function attachMac(role: SessionRole, exchange: Exchange, offset: number): Buffer {
  const at = Buffer.alloc(8);
  at.writeBigUInt64BE(BigInt(offset));
  return createHmac('sha256', exchange.key)
    .update(ROLE_LABELS[role])
    .update(exchange.session)
    .update(exchange.brokerNonce)
    .update(exchange.bridgeNonce)
    .update(at)
    .digest();
}

/** What an end's session has at the moment: Session.received and Session.acked. */
export interface Standing {
  readonly received: number;
  readonly acked: number;
}

/** `attached`: first write `send`, if there is one, then the input `attach` of the session with offset and floor. */
export type AttachStep =
  | { readonly do: 'send'; readonly send: TunnelFrame }
  | {
      readonly do: 'attached';
      readonly send: TunnelFrame | undefined;
      readonly offset: number;
      readonly floor: number;
    };

export interface AttachOptions {
  readonly session: Buffer;
  /** Exported from the inner TLS session. At a bridge that does not know the session: 32 random bytes. */
  readonly key: Buffer;
  /** 32 random bytes, of this attempt only. */
  readonly nonce: Buffer;
  /** Read when a frame is taken. At a bridge that does not know the session: zeroes. */
  readonly standing: () => Standing;
}

/** The broker's end: it begins, and proves itself first. One for each attempt. */
export class BrokerAttach {
  readonly #options: AttachOptions;
  readonly #floor: number;
  #state: 'asked' | 'proved' | 'over' = 'asked';
  #exchange: Exchange | undefined;

  constructor(options: AttachOptions) {
    this.#options = options;
    this.#floor = options.standing().acked;
  }

  /** The first frame of the leg. */
  get first(): TunnelFrame {
    return { type: 'attach', session: this.#options.session, nonce: this.#options.nonce };
  }

  /** Throws `malformed` or `proofInvalid`: the leg is of no use, the session is unharmed. */
  take(frame: TunnelFrame): AttachStep {
    const { key, session, nonce, standing } = this.#options;
    if (this.#state === 'asked' && frame.type === 'challenge') {
      this.#state = 'proved';
      this.#exchange = { key, session, brokerNonce: nonce, bridgeNonce: frame.nonce };
      return { do: 'send', send: proof('broker', this.#exchange, standing().received) };
    }
    if (this.#state === 'proved' && frame.type === 'prove' && this.#exchange) {
      this.#state = 'over';
      check('bridge', this.#exchange, frame);
      return { do: 'attached', send: undefined, offset: frame.offset, floor: this.#floor };
    }
    throw illegal(frame, this.#state);
  }
}

/** The bridge's end, made when ATTACH came. It answers for sessions that it does not know just as well, up to the proof. */
export class BridgeAttach {
  readonly #exchange: Exchange;
  readonly #standing: () => Standing;
  readonly #floor: number;
  #state: 'challenged' | 'over' = 'challenged';

  constructor(options: AttachOptions, brokerNonce: Buffer) {
    this.#exchange = {
      key: options.key,
      session: options.session,
      brokerNonce,
      bridgeNonce: options.nonce,
    };
    this.#standing = options.standing;
    this.#floor = options.standing().acked;
  }

  /** Answers ATTACH. */
  get first(): TunnelFrame {
    return { type: 'challenge', nonce: this.#exchange.bridgeNonce };
  }

  /** Throws `malformed` or `proofInvalid`: the leg is of no use, the session is unharmed. */
  take(frame: TunnelFrame): AttachStep {
    if (this.#state !== 'challenged' || frame.type !== 'prove') throw illegal(frame, this.#state);
    this.#state = 'over';
    check('broker', this.#exchange, frame);
    const send = proof('bridge', this.#exchange, this.#standing().received);
    return { do: 'attached', send, offset: frame.offset, floor: this.#floor };
  }
}

function proof(role: SessionRole, exchange: Exchange, offset: number): TunnelFrame {
  return { type: 'prove', offset, mac: attachMac(role, exchange, offset) };
}

function check(role: SessionRole, exchange: Exchange, frame: TunnelFrame & { readonly type: 'prove' }): void {
  if (timingSafeEqual(attachMac(role, exchange, frame.offset), frame.mac)) return;
  throw new BeaconError(
    'proofInvalid',
    'a leg could not prove that it belongs to its session: the other end has lost the session, or is somebody else',
  );
}

function illegal(frame: TunnelFrame, state: string): BeaconError {
  return new BeaconError('malformed', `the other end sent ${frame.type} to a leg that is ${state}`);
}
