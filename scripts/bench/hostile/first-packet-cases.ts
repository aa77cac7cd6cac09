/** What strangers may send first, made up from a seed: broken PROXY headers, ClientHellos and HELLOs. */
import { integerBelow, type Random } from '../../../src/base/random.ts';
import { encodeClientFrame } from '../../../src/wire/encode.ts';
import type { Role } from '../../../src/wire/frames.ts';
import { type ProxiedClient, proxyLocal, proxyV1, proxyV2 } from '../../../test/support/proxy-header.ts';
import { hello } from '../../../test/support/wire-client.ts';

export interface PacketCase {
  /** Sent in the clear. */
  readonly clear: Buffer;
  /** Sent within TLS, after a whole handshake with the certificate of that role. Undefined: no handshake is tried. */
  readonly inside?: { readonly role: Role; readonly bytes: Buffer };
  /** Where `clear` is cut in two, so that it does not arrive at once; undefined: nowhere. */
  readonly cut: number | undefined;
  /** Whether it leaves by a reset, as soon as its bytes are written. */
  readonly aborts: boolean;
}

/** The next case. `hellos`: ClientHellos that a relay would take. */
export function nextCase(random: Random, hellos: readonly Buffer[]): PacketCase {
  const kind = random.fraction();
  const header = proxyHeader(random);
  const clientHello = hellos[integerBelow(random, hellos.length)] as Buffer;
  const rest = { cut: undefined, aborts: random.fraction() < 0.1 };
  if (kind < 0.1) {
    const role = random.fraction() < 0.5 ? 'park' : 'connect';
    const bytes = broken(random, encodeClientFrame(hello(role, { instance: random.bytes(16) })));
    return { ...rest, clear: header, inside: { role, bytes } };
  }
  const clear =
    kind < 0.55
      ? Buffer.concat([header, broken(random, clientHello)])
      : Buffer.concat([broken(random, header), clientHello]);
  return { ...rest, clear, ...(random.fraction() < 0.2 && { cut: integerBelow(random, clear.length + 1) }) };
}

/** A good PROXY header from an address that hardly comes twice, so that no limit for one source hides what is behind it. */
export function proxyHeader(random: Random): Buffer {
  if (random.fraction() < 0.02) return proxyLocal();
  const client: ProxiedClient = { source: source(random), sourcePort: integerBelow(random, 65_536) };
  if (random.fraction() < 0.5) return proxyV1(client);
  const fields = Array.from({ length: integerBelow(random, 3) }, () => ({
    type: integerBelow(random, 256),
    value: random.bytes(integerBelow(random, 120)),
  }));
  return proxyV2(client, fields);
}

function source(random: Random): string {
  if (random.fraction() < 0.5) return random.bytes(4).join('.');
  const groups = random.bytes(16).toString('hex').match(/.{4}/g) ?? [];
  return groups.join(':');
}

/** `bytes` with a few edits, or bytes that have nothing to do with them, or, rarely, as they are. */
function broken(random: Random, bytes: Buffer): Buffer {
  const how = random.fraction();
  if (how < 0.05) return bytes;
  if (how < 0.1) return random.bytes(integerBelow(random, 1_500));
  let result = bytes;
  for (let edits = 1 + integerBelow(random, 4); edits > 0; edits -= 1) result = edited(random, result);
  return result;
}

function edited(random: Random, bytes: Buffer): Buffer {
  const at = integerBelow(random, bytes.length + 1);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (integerBelow(random, 5)) {
    case 0:
      return before;
    case 1:
      return Buffer.concat([before, after.subarray(1 + integerBelow(random, 8))]);
    case 2:
      return Buffer.concat([before, random.bytes(1 + integerBelow(random, 32)), after]);
    case 3:
      return Buffer.concat([before, before, after]);
    default:
      return Buffer.concat([
        before,
        Buffer.from([(after[0] ?? 0) ^ (1 << integerBelow(random, 8))]),
        after.subarray(1),
      ]);
  }
}
