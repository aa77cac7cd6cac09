/**
 * Somebody on the way, or with a certificate of the same CA, who knows which session there is and which bridge has it, and not
 * the key: tries to have a leg attached. If an end ever takes it, the session is given up at that end for all to see.
 */
import { encodeTunnelFrame, MAC_BYTES, NONCE_BYTES, type TunnelFrame } from '../../src/tunnel/frames.ts';
import { SimLeg, type SimLegHandler, type SimLegOptions } from './leg.ts';
import type { SimSession } from './session.ts';
import type { TunnelHost } from './tunnel-end.ts';

/** One in so many legs that a bridge answers is answered by an impostor. */
export const IMPOSTOR_BRIDGES = 30;
/** A broker's session has an impostor beside it so often. */
export const IMPOSTOR_BROKERS = 0.2;
export const IMPOSTOR_WITHIN_MS = 20_000;

/** Instead of the broker that has `session`. */
export function poseAsBroker(host: TunnelHost, session: SimSession, options: SimLegOptions): void {
  const { world, random } = host;
  const leg = new SimLeg(options, handler(host, session, 'broker'));
  host.impostors.add(leg);
  const nonce = random.bytes(NONCE_BYTES);
  leg.write([encodeTunnelFrame({ type: 'attach', session: session.id, nonce })]);
  world.reached('impostor: a broker');
}

/** Instead of the bridge that has `session`, on a leg on which ATTACH came. */
export function poseAsBridge(host: TunnelHost, session: SimSession, leg: SimLeg): void {
  const { world, random } = host;
  leg.handler = handler(host, session, 'bridge');
  host.impostors.add(leg);
  leg.write([encodeTunnelFrame({ type: 'challenge', nonce: random.bytes(NONCE_BYTES) })]);
  world.reached('impostor: a bridge');
}

/** Answers whatever comes, as if it were proved; once it is taken for the other end, it gives the session up. */
function handler(host: TunnelHost, session: SimSession, role: 'broker' | 'bridge'): SimLegHandler {
  const { random } = host;
  const onFrame = (leg: SimLeg, { type }: TunnelFrame): void => {
    const isAsked = type === (role === 'broker' ? 'challenge' : 'prove');
    if (!isAsked) return;
    const { received: offset } = session.standing;
    const prove = encodeTunnelFrame({ type: 'prove', offset, mac: random.bytes(MAC_BYTES) });
    leg.write([prove, encodeTunnelFrame({ type: 'abort' })]);
  };
  return {
    onFrame,
    onData() {},
    onRead() {},
    onRoom() {},
    onLost(leg) {
      leg.reset();
      host.impostors.delete(leg);
    },
  };
}
