/** Many splices through one relay, from as many addresses of 127.0.0.0/8: for what happens when every slot is taken. */
import type { Role } from '../../src/wire/frames.ts';
import { makePki, type Pki } from './certificates.ts';
import { acceptOffer, dialAs, type WireClient } from './wire-client.ts';

/** Clients that dial at once: enough to keep two cores busy, too few for a handshake to wait long. */
const AT_ONCE = 32;

export interface Pair {
  readonly bridge: WireClient;
  readonly broker: WireClient;
}

/** A client that has said HELLO, from an address of its own. A bridge is parked when it resolves. */
export async function come(
  role: Role,
  port: number,
  { pki = makePki(), wanted }: { pki?: Pki; wanted?: Buffer } = {},
): Promise<WireClient> {
  return await dialAs(role, port, { pki, ...(wanted && { more: { wanted } }) });
}

/** `count` splices, some set up at once. Bridges all have the same instance, so a broker may be given any of them. */
export async function fill(port: number, count: number, pki: Pki = makePki()): Promise<Pair[]> {
  const bridges = new Map<string, WireClient>();
  const brokers = await many(count, async () => {
    const bridge = await come('park', port, { pki });
    const broker = await come('connect', port, { pki });
    const [offered, { pairId }] = await Promise.all([acceptOffer(bridge), broker.expect('paired')]);
    bridges.set(offered.toString('hex'), bridge);
    return { broker, pairId: pairId.toString('hex') };
  });
  return brokers.flatMap(({ broker, pairId }) => {
    const bridge = bridges.get(pairId);
    return bridge ? [{ bridge, broker }] : [];
  });
}

/** `count` of what `make` makes, some at once. */
export async function many<T>(count: number, make: (at: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const at = next;
      next += 1;
      made[at] = await make(at);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, worker));
  return made;
}
