/** Three relays in three zones, a store, and sites that use them; relays die and come back on the same addresses. */
import { sleep, systemClock } from '../../../src/base/clock.ts';
import { RelayCluster } from '../relay-cluster.ts';
import { Site } from './site.ts';
import { Store } from './store.ts';
import { type Direction, type Transfer, transfer } from './transfer.ts';

const ZONES = ['zone-a', 'zone-b', 'zone-c'];
const MIB = 1_024 * 1_024;
/** A transfer is under way while more than this is done and more than this is left. */
const EDGE_BYTES = 2 * MIB;
/** Sites that start together: two processes each, and one that has not come up after 20 s counts as a fault. */
const STARTS_AT_ONCE = 3;

export interface Scale {
  readonly quick: boolean;
  /** Sites that run side by side. */
  readonly sites: number;
  /** Of a transfer. */
  readonly bytes: number;
  /** Bytes a second of a transfer: slow enough that a few kills fall into each. */
  readonly rate: number;
}

export const FULL: Scale = { quick: false, sites: 9, bytes: 256 * MIB, rate: 5 * MIB };
export const QUICK: Scale = { quick: true, sites: 3, bytes: 96 * MIB, rate: 8 * MIB };

export class Scene {
  readonly cluster: RelayCluster;
  readonly store: Store;
  readonly sites: readonly Site[];
  readonly scale: Scale;

  private constructor(cluster: RelayCluster, store: Store, sites: readonly Site[], scale: Scale) {
    this.cluster = cluster;
    this.store = store;
    this.sites = sites;
    this.scale = scale;
  }

  /** Half of the sites keep a leg that crosses two nodes; see {@link Site.start}. The caller stops it. */
  static async start(scale: Scale): Promise<Scene> {
    const cluster = await RelayCluster.start({ zones: ZONES });
    const store = await Store.start();
    const sites: Site[] = [];
    while (sites.length < scale.sites) {
      const left = Math.min(STARTS_AT_ONCE, scale.sites - sites.length);
      const turns = Array.from({ length: left }, (_, at) => sites.length + at);
      const start = (turn: number): Promise<Site> =>
        Site.start(cluster, store, { turn, crossing: 2 * turn < scale.sites });
      sites.push(...(await Promise.all(turns.map(start))));
    }
    return new Scene(cluster, store, sites, scale);
  }

  /** SIGKILL; nobody listens on its addresses until {@link revive}. */
  kill(node: number): void {
    this.cluster.kill(node);
    for (const { bridgeWays, brokerWays } of this.sites) {
      bridgeWays[node]?.refuse();
      brokerWays[node]?.refuse();
    }
  }

  /** Resolves when the node runs again. */
  async revive(node: number): Promise<void> {
    await this.cluster.restart(node);
    await this.#admit(node);
  }

  /** As {@link revive}, for all at once after all were killed. */
  async reviveAll(): Promise<void> {
    await this.cluster.startAll();
    await Promise.all(this.cluster.nodes.map((node) => this.#admit(node)));
  }

  /** Waits until every site has two legs that share no node; says which have not. */
  async whole(patienceMs: number, sites: readonly Site[] = this.sites): Promise<readonly Site[]> {
    const whole = await Promise.all(sites.map((site) => site.whole(patienceMs)));
    return sites.filter((_, at) => !whole[at]);
  }

  async stop(): Promise<void> {
    await Promise.all(this.sites.map((site) => site.stop()));
    await this.cluster.stop();
    this.store.stop();
  }

  async #admit(node: number): Promise<void> {
    await Promise.all(
      this.sites.flatMap(({ bridgeWays, brokerWays }) =>
        [bridgeWays[node], brokerWays[node]].map((way) => way?.admit()),
      ),
    );
  }
}

/** One transfer after the other at one site, downloads and uploads in turn. */
export class Traffic {
  readonly site: Site;
  /** What went wrong with those that are over. */
  readonly errors: string[] = [];
  completed = 0;
  readonly #scene: Scene;
  readonly #loop: Promise<void>;
  #direction: Direction;
  #transfer: Transfer | undefined;
  #stopped = false;

  readonly #bytes: number;

  constructor(scene: Scene, site: Site, first: Direction, bytes: number) {
    this.#bytes = bytes;
    this.#scene = scene;
    this.site = site;
    this.#direction = first;
    this.#loop = this.#run();
  }

  /** On all sites; every other one begins with an upload. */
  static everywhere(scene: Scene, bytes: number): Traffic[] {
    return scene.sites.map(
      (site, at) => new Traffic(scene, site, at % 2 === 0 ? 'download' : 'upload', bytes),
    );
  }

  /** The transfer that is well under way; undefined: none is. */
  get current(): Transfer | undefined {
    const bytes = this.#transfer?.arrivals?.bytes ?? 0;
    const inside = bytes > EDGE_BYTES && bytes < (this.#transfer?.total ?? 0) - EDGE_BYTES;
    return inside ? this.#transfer : undefined;
  }

  /** Resolves when the last transfer is over, or was cut because it took too long. */
  async stop(patienceMs: number): Promise<void> {
    this.#stopped = true;
    const timer = systemClock.after(patienceMs, () => this.#transfer?.cut());
    await this.#loop;
    timer.cancel();
  }

  async #run(): Promise<void> {
    const { store, scale } = this.#scene;
    while (!this.#stopped) {
      const [direction, { port }] = [this.#direction, this.site];
      this.#transfer = transfer({ port, store, direction, bytes: this.#bytes, rate: scale.rate });
      const error = await this.#transfer.done;
      if (error === undefined) this.completed += 1;
      else {
        const { arrivals } = this.#transfer;
        this.errors.push(`${direction} after ${arrivals?.bytes ?? 0} bytes: ${error}; ${this.site.tail}`);
        console.error(`ERROR ${this.errors.at(-1)}`);
        await sleep(systemClock, 500);
      }
      this.#direction = direction === 'download' ? 'upload' : 'download';
    }
  }
}
