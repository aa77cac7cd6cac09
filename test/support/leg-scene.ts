/** A kept tunnel over nodes in memory, its bridge at the other end of every leg, and a clock that stands still. */
import { onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { BeaconError, type ErrorCode } from '../../src/base/errors.ts';
import { LEG_LINGER_MS } from '../../src/base/limits.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { BridgeWish, PairedLeg } from '../../src/broker/dial-bridge.ts';
import { KeptTunnel } from '../../src/broker/kept-tunnel.ts';
import { BridgeTunnel } from '../../src/tunnel/bridge-tunnel.ts';
import { type Route, Routes } from '../../src/tunnel/routes.ts';
import { Sessions } from '../../src/tunnel/sessions.ts';
import { ManualClock } from './manual-clock.ts';
import { type MemoryLink, memoryLinks } from './memory-link.ts';
import { quiet } from './puppet-relay.ts';
import { type RecordedLine, recordingLog } from './recording-log.ts';
import { identityOf } from './tunnels.ts';

/** Every random wait falls in the middle of its range. */
const RANDOM = { fraction: () => 0.5, bytes: (count: number) => systemRandom.bytes(count) };

export const BRIDGE = Buffer.alloc(16, 0xb1);

/** A leg, from outside. */
export interface SceneLeg {
  readonly path: readonly string[];
  /** The broker's end. */
  readonly link: MemoryLink;
}

export interface LegScene {
  readonly kept: KeptTunnel;
  readonly clock: ManualClock;
  readonly lines: readonly RecordedLine[];
  readonly sessions: Sessions;
  readonly wishes: readonly BridgeWish[];
  /** Every leg that was dialled. */
  readonly legs: readonly SceneLeg[];
  /** Names of nodes that do not answer. */
  readonly down: Set<string>;
  /** Whether the tunnel served when only our end of its handshake was over. */
  readonly servedAtOnce: boolean;
  /** How often the tunnel was ready, got its first leg, or lost its last one. */
  readonly changes: () => number;
  /** `a+b c`: the paths of the legs that carry the tunnel. */
  paths(): string;
  /** Resets all legs that cross a node. */
  kill(node: string): Promise<void>;
}

export interface LegSceneOptions {
  /** What dialling a node leads to: the path of the leg. Default: the node alone. */
  readonly paths?: Readonly<Record<string, readonly string[]>>;
  readonly nodes?: readonly string[];
  /** Zones by the names of their nodes. Default: nobody knows any. */
  readonly zones?: Readonly<Record<string, string>>;
  /** Nodes that do not answer at first. */
  readonly down?: readonly string[];
  /** Where the first leg is dialled. Default: the first of `nodes`. */
  readonly first?: string;
}

/** The bridge at the far end of every leg. */
class SceneBridge {
  readonly sessions: Sessions;
  readonly #tunnels: BridgeTunnel[] = [];

  constructor(clock: ManualClock) {
    const identity = { ...identityOf('bridge'), clock };
    this.sessions = new Sessions({
      clock,
      random: systemRandom,
      watcher: { onLegGone() {}, onSuspect() {}, onMove() {}, onLeave() {} },
      onLegOpened() {},
      onLegFailed() {},
      onSession: (stream) =>
        void BridgeTunnel.accept(stream, identity, () => Promise.resolve(memoryLinks()[0]), {
          onStream() {},
          onRefused() {},
        }).then((tunnel) => this.#tunnels.push(tunnel)),
    });
  }

  close(): void {
    for (const tunnel of this.#tunnels) tunnel.destroy();
    this.sessions.close();
  }
}

/** The nodes, and the legs over them. */
class SceneNodes {
  readonly legs: SceneLeg[] = [];
  readonly wishes: BridgeWish[] = [];
  readonly down: Set<string>;
  readonly routes: Routes;
  readonly #names: readonly string[];
  readonly #paths: Readonly<Record<string, readonly string[]>>;
  readonly #zones: Readonly<Record<string, string>>;
  readonly #sessions: Sessions;

  constructor(
    sessions: Sessions,
    { nodes = ['a', 'b', 'c'], paths = {}, zones = {}, down = [] }: LegSceneOptions,
  ) {
    this.#sessions = sessions;
    this.#names = nodes;
    this.#paths = paths;
    this.#zones = zones;
    this.down = new Set(down);
    this.routes = new Routes(
      nodes.map((_, index) => ({ host: '127.0.0.1', port: index + 1 })),
      RANDOM,
    );
  }

  nameOf({ address }: Route): string {
    return this.#names[address.port - 1] ?? '';
  }

  readonly dial = async (wish: BridgeWish): Promise<PairedLeg> => {
    this.wishes.push(wish);
    const { route, avoid = [] } = wish;
    const node = this.nameOf(route);
    const path = this.#paths[node] ?? [node];
    if (path.some((each) => this.down.has(each))) throw refused('unreachable');
    if (avoid.includes(node)) throw refused('avoided');
    if (path.some((each) => avoid.includes(each))) throw refused('noBridge');
    const [link, far] = memoryLinks();
    this.legs.push({ path, link });
    this.#sessions.accept(far);
    const told = path.map((each) => ({ node: each, zone: this.#zones[each] ?? '' }));
    return { link, path: told, bridge: BRIDGE, route };
  };
}

function refused(code: ErrorCode): BeaconError {
  return new BeaconError(code, `not this way: ${code}`, { retry: true });
}

/** Destroyed, and checked for timers left behind, when the test has finished. */
export async function legScene(options: LegSceneOptions = {}): Promise<LegScene> {
  const clock = new ManualClock(systemClock.wall());
  const { log, lines } = recordingLog();
  const bridge = new SceneBridge(clock);
  const nodes = new SceneNodes(bridge.sessions, options);
  const { routes, dial, legs, wishes, down } = nodes;
  let changes = 0;
  const onChange = (): void => {
    changes += 1;
  };
  const route = routes.all.find((each) => nodes.nameOf(each) === (options.first ?? nodes.nameOf(each)));
  if (!route) throw new Error('a scene needs a node');
  const first = await dial({ route });
  // As whoever opens a tunnel does.
  routes.paired(route, first.path, clock.now());
  const kept = await KeptTunnel.open(
    first,
    { routes, dial, identity: { ...identityOf('broker'), clock }, clock, random: RANDOM, log, onChange },
    new AbortController().signal,
  );
  const servedAtOnce = kept.serving;
  onTestFinished(async () => {
    kept.tunnel.destroy();
    bridge.close();
    for (const { link } of legs) link.reset();
    await quiet();
    await clock.advanceAsync(LEG_LINGER_MS);
    if (clock.pending > 0) throw new Error(`${clock.pending} timers were left behind`);
  });
  await quiet();
  const spell = (): string[] => kept.tunnel.legs.map(({ path }) => path.join('+'));
  return {
    ...{
      kept,
      clock,
      lines,
      sessions: bridge.sessions,
      wishes,
      legs,
      down,
      servedAtOnce,
      changes: () => changes,
    },
    paths: () => spell().toSorted().join(' '),
    kill: async (node) => {
      down.add(node);
      for (const { path, link } of legs) if (path.includes(node)) link.reset();
      await quiet();
    },
  };
}
