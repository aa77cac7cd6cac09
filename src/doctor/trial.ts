/** One trial: a bridge parks at a relay, a broker comes to another one, and what each sends must arrive at the other. */
import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { BeaconError } from '../base/errors.ts';
import { DOCTOR_BYTES, INNER_HANDSHAKE_TIMEOUT_MS } from '../base/limits.ts';
import { SOFTWARE } from '../base/version.ts';
import { ParkedConnection } from '../bridge/parked-connection.ts';
import { connectThrough } from '../broker/connect.ts';
import { acceptTlsOver } from '../net/accept-tls-over.ts';
import type { Link } from '../net/link.ts';
import { connectTlsOver, type InnerTls } from '../net/tls-over.ts';
import { BRIDGE_NAME, demandProof } from '../tunnel/http2.ts';
import type { Paired, Parked, PathNode } from '../wire/frames.ts';
import { type DialRelayOptions, dialRelay } from './dial-relay.ts';
import { Steps } from './steps.ts';
import type { Trial } from './types.ts';
import type { Way } from './ways.ts';

export interface TrialWays {
  readonly broker: Way;
  readonly bridge: Way;
}

export interface TrialOptions extends DialRelayOptions {
  /** Ends when the bridge is parked. Default false. */
  readonly parkOnly?: boolean;
}

const INSTANCE_BYTES = 16;
/** Not that of a tunnel: no bridge or broker in use takes this end for one of its own. */
const DOCTOR_ALPN = 'beacon-doctor/1';

/** Never rejects, and takes DOCTOR_TRIAL_MS at the most. */
export async function runTrial(ways: TrialWays, options: TrialOptions): Promise<Trial> {
  const steps = new Steps(options.clock);
  const trial = new Run(ways, options, steps);
  let failure: Trial['failure'];
  try {
    await trial.run();
  } catch (error) {
    failure = steps.failure(error);
  } finally {
    trial.close();
    steps.close();
  }
  return {
    broker: ways.broker.name,
    bridge: ways.bridge.name,
    ms: steps.ms,
    steps: steps.done,
    ...(failure && { failure }),
    ...(trial.parkedAt && { parkedAt: trial.parkedAt }),
    ...(trial.path && { path: trial.path }),
  };
}

class Run {
  parkedAt: PathNode | undefined;
  path: readonly PathNode[] | undefined;
  readonly #ways: TrialWays;
  readonly #options: TrialOptions;
  readonly #steps: Steps;
  readonly #links: Link[] = [];
  #park: Park | undefined;

  constructor(ways: TrialWays, options: TrialOptions, steps: Steps) {
    this.#ways = ways;
    this.#options = options;
    this.#steps = steps;
  }

  async run(): Promise<void> {
    const instance = this.#options.random.bytes(INSTANCE_BYTES);
    const park = await this.#parkBridge(instance);
    if (this.#options.parkOnly) return;
    const links = await this.#pair(park, instance);
    const inner = await this.#handshake(links);
    await this.#steps.run('bytes', undefined, exchange(inner, this.#options), () => {
      return `${DOCTOR_BYTES / 1_024} KiB each way, as they were sent`;
    });
  }

  close(): void {
    this.#park?.connection.close();
    for (const { stream } of this.#links) stream.destroy();
  }

  async #dial(end: 'bridge' | 'broker'): Promise<Link> {
    const way = this.#ways[end];
    if (end === 'bridge' && way.lookUp) this.#steps.done.push(way.lookUp);
    const { link, taken } = await dialRelay(way, end, this.#steps, this.#options);
    this.#links.push(link);
    if (end === 'bridge') this.#steps.done.push(...taken);
    return link;
  }

  async #parkBridge(instance: Buffer): Promise<Park> {
    const { ends, clock } = this.#options;
    const link = await this.#dial('bridge');
    const park = parkAt(link, { infoHash: ends.bridge.infoHash, instance, software: SOFTWARE, clock });
    this.#park = park;
    this.parkedAt = await this.#steps.run('park', 'bridge', park.parked, (at) => `at ${nodeText(at)}`);
    return park;
  }

  async #pair(park: Park, wanted: Buffer): Promise<Record<'bridge' | 'broker', Link>> {
    const { ends, clock, random } = this.#options;
    const link = await this.#dial('broker');
    const connected = connectThrough(link, {
      infoHash: ends.broker.infoHash,
      instance: random.bytes(INSTANCE_BYTES),
      software: SOFTWARE,
      wanted,
      clock,
      signal: this.#steps.signal,
    });
    const [paired, bridge] = await this.#steps.run(
      'pair',
      'broker',
      Promise.all([connected, park.paired]),
      ([{ path }]) => pathText(path),
    );
    this.path = paired.path;
    return { broker: link, bridge };
  }

  async #handshake({ broker, bridge }: Record<'bridge' | 'broker', Link>): Promise<Inner> {
    const { ends, clock } = this.#options;
    const common = { alpn: DOCTOR_ALPN, timeoutMs: INNER_HANDSHAKE_TIMEOUT_MS, clock };
    const ca = [ends.broker.caPem];
    const both = Promise.all([
      connectTlsOver(broker.stream, {
        ...common,
        identity: ends.broker,
        trust: { ca },
        servername: BRIDGE_NAME,
      }),
      acceptTlsOver(bridge.stream, { ...common, identity: ends.bridge, ca }),
    ]);
    const [near, far] = await this.#steps.run('inner TLS', undefined, both, ([{ group }]) => {
      return `1.3, certificates on both sides, ${group ?? 'group not known'}`;
    });
    demandProof(near, ends.broker, 'park');
    demandProof(far, ends.bridge, 'connect');
    return { near, far };
  }
}

interface Park {
  readonly connection: ParkedConnection;
  readonly parked: Promise<Parked>;
  /** The same link, once a broker is at its other end. */
  readonly paired: Promise<Link>;
}

function parkAt(link: Link, options: ConstructorParameters<typeof ParkedConnection>[1]): Park {
  const parked = Promise.withResolvers<Parked>();
  const paired = Promise.withResolvers<Link>();
  // Nobody may be waiting when it ends.
  parked.promise.catch(() => {});
  paired.promise.catch(() => {});
  const connection = new ParkedConnection(link, options, {
    onParked: (at) => parked.resolve(at),
    onPaired: (same) => paired.resolve(same),
    onLeave: () => {},
    onDraining: () => {},
    onEnd: (error) => {
      parked.reject(error);
      paired.reject(error);
    },
  });
  return { connection, parked: parked.promise, paired: paired.promise };
}

interface Inner {
  /** The broker's end. */
  readonly near: InnerTls;
  readonly far: InnerTls;
}

/** Both ends send at once. Rejects with `malformed` where one gets something else than was sent, and with `closed`. */
async function exchange({ near, far }: Inner, { random }: Pick<TrialOptions, 'random'>): Promise<void> {
  const [forth, back] = [random.bytes(DOCTOR_BYTES), random.bytes(DOCTOR_BYTES)];
  const arrived = Promise.all([hashOf(far.stream), hashOf(near.stream)]);
  near.stream.write(forth);
  far.stream.write(back);
  const [atBridge, atBroker] = await arrived;
  if (atBridge === sha256(forth) && atBroker === sha256(back)) return;
  throw new BeaconError('malformed', 'what arrived is not what was sent');
}

/** SHA-256 of the first DOCTOR_BYTES. */
function hashOf(stream: Duplex): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const hash = createHash('sha256');
  let left = DOCTOR_BYTES;
  const cut = (): void =>
    reject(new BeaconError('closed', `the connection ended ${left} bytes too soon`, { retry: true }));
  stream.on('data', (chunk: Buffer) => {
    if (left <= 0) return;
    hash.update(chunk);
    left -= chunk.length;
    if (left <= 0) resolve(hash.digest('hex'));
  });
  stream.once('end', cut).once('close', cut).on('error', cut);
  return promise;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function pathText(path: Paired['path']): string {
  const [first, holder] = path;
  if (!holder) return `at ${nodeText(first)}, both`;
  return `by ${nodeText(first)} and ${nodeText(holder)}`;
}

function nodeText({ node, zone }: PathNode): string {
  return `${node}${zone === '' ? '' : ` (zone ${zone})`}`;
}
