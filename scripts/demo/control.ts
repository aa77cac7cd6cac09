/**
 * The control of the demo's experiment: the same secret through the same relay, over a leg without inner TLS. The
 * relay splices it like anything else, and this time the search must find it.
 */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { systemClock } from '../../src/base/clock.ts';
import { parseInfoHash } from '../../src/base/info-hash.ts';
import { systemRandom } from '../../src/base/random.ts';
import { ParkedConnection } from '../../src/bridge/parked-connection.ts';
import { connectThrough } from '../../src/broker/connect.ts';
import { dialTls } from '../../src/net/dial.ts';
import type { Link } from '../../src/net/link.ts';
import { ALPN, INSTANCE_BYTES } from '../../src/wire/frames.ts';

export interface ControlOptions {
  /** Where the broker connects, and where the bridge parks. */
  readonly brokerPort: number;
  readonly bridgePort: number;
  readonly relayCa: string;
  readonly infoHash: string;
  readonly bridge: { readonly cert: string; readonly key: string; readonly ca: string };
  readonly broker: { readonly cert: string; readonly key: string; readonly ca: string };
  readonly message: string;
}

/** Parks a bridge and connects a broker by the bare protocol, and sends `message` from one to the other. */
export async function sendWithoutInnerTls(options: ControlOptions): Promise<void> {
  const { brokerPort, bridgePort, relayCa, broker, message } = options;
  const hello = {
    infoHash: parseInfoHash(options.infoHash),
    instance: systemRandom.bytes(INSTANCE_BYTES),
    software: 'beacon-demo',
    clock: systemClock,
  };
  const arrived = receive(await dial(bridgePort, relayCa, options.bridge), hello, message.length);
  const link = await dial(brokerPort, relayCa, broker);
  await connectThrough(link, {
    ...hello,
    // This bridge, and not the demo's own.
    wanted: hello.instance,
    signal: AbortSignal.timeout(10_000),
  });
  link.stream.resume();
  link.stream.end(message);
  await arrived;
  await once(link.stream, 'close');
}

function dial(port: number, ca: string, who: { cert: string; key: string; ca: string }): Promise<Link> {
  return dialTls({
    host: '127.0.0.1',
    port,
    alpn: ALPN,
    trust: { ca: [readFileSync(ca, 'utf8')] },
    identity: {
      certPem: readFileSync(who.cert, 'utf8') + readFileSync(who.ca, 'utf8'),
      keyPem: readFileSync(who.key, 'utf8'),
    },
    timeoutMs: 10_000,
    clock: systemClock,
  });
}

function receive(
  link: Link,
  hello: ConstructorParameters<typeof ParkedConnection>[1],
  bytes: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    new ParkedConnection(link, hello, {
      onParked: () => {},
      onLeave: () => {},
      onDraining: () => {},
      onEnd: reject,
      onPaired: ({ stream }) => {
        let got = 0;
        stream.on('data', (chunk: Buffer) => {
          got += chunk.length;
          if (got >= bytes) resolve();
        });
        stream.on('end', () => stream.end());
        stream.on('error', reject);
        stream.resume();
      },
    });
  });
}
