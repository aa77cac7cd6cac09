/**
 * Health, metrics and administration of a daemon. It listens before the daemon does, so that a port in use leaves nothing
 * half started, and until the daemon is gone, so that probes see it leave.
 */

import { formatAddress, isLoopback } from '../base/address.ts';
import { type Clock, sleep } from '../base/clock.ts';
import type { DrainState } from '../base/drain.ts';
import type { FileStatus } from '../base/file-watch.ts';
import { ADMIN_DRAINED_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { VERSION } from '../base/version.ts';
import { adminPlaces, notLoopback } from '../config/admin-places.ts';
import type { HealthSettings } from '../config/health-settings.ts';
import { flagOf } from '../config/settings.ts';
import type { BoundAddress } from '../net/listen.ts';
import { adminPaths, type EndpointsOptions, healthPaths } from './endpoints.ts';
import { answerBy, type Paths } from './exchange.ts';
import { addFileMetrics } from './file-metrics.ts';
import { HttpListener } from './http-listener.ts';
import { Metrics, one } from './metrics.ts';
import { addProcessMetrics } from './process-metrics.ts';
import type { Row, Status } from './status.ts';
import type { AdminSubject } from './subject.ts';

export interface AdminOptions {
  /** `relay`, `bridge` or `broker`. */
  readonly daemon: string;
  readonly settings: HealthSettings;
  readonly clock: Clock;
  readonly log: Log;
}

/** Where it listens, as far as it does. */
export interface AdminAddresses {
  readonly health: BoundAddress | undefined;
  readonly admin: BoundAddress | undefined;
}

export class Admin {
  readonly metrics = new Metrics();
  readonly #options: AdminOptions;
  readonly #startedMs: number;
  readonly #listeners: HttpListener[] = [];
  readonly #process: { stop(): void };
  #addresses: AdminAddresses = { health: undefined, admin: undefined };
  #phase: 'starting' | 'up' | 'stopping' = 'starting';
  #subject: AdminSubject | undefined;
  /** Splices that a drain has cut that was asked for here; undefined: none is over. */
  #cut: number | undefined;
  /** Resolves when somebody was told that. */
  readonly #told = Promise.withResolvers<void>();

  private constructor(options: AdminOptions) {
    this.#options = options;
    this.#startedMs = options.clock.wall();
    this.#process = addProcessMetrics(this.metrics, options.daemon, options.clock);
    addFileMetrics(this.metrics, () => this.#subject?.files ?? []);
    this.metrics.gauge(
      { name: 'beacon_ready', help: '1 while this process takes work, as /readyz says; else 0.' },
      () => one(this.#notReady() === undefined ? 1 : 0),
    );
  }

  /** Rejects with `config`, naming the flag, when a port cannot be had; nothing listens then. */
  static async open(options: AdminOptions): Promise<Admin> {
    const admin = new Admin(options);
    try {
      await admin.#listen();
      return admin;
    } catch (error) {
      await admin.close();
      throw error;
    }
  }

  get addresses(): AdminAddresses {
    return this.#addresses;
  }

  /** The daemon is up. */
  serve(subject: AdminSubject): void {
    this.#subject = subject;
    this.#phase = 'up';
  }

  /** The daemon is about to stop: not ready from now on. */
  stopping(): void {
    this.#phase = 'stopping';
  }

  /** Frees the ports, once whoever waits for a drain could see how it ended. Idempotent. */
  async close(): Promise<void> {
    if (this.#cut !== undefined) {
      const told = new AbortController();
      void this.#told.promise.then(() => told.abort());
      await sleep(this.#options.clock, ADMIN_DRAINED_MS, told.signal);
    }
    this.#process.stop();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  async #listen(): Promise<void> {
    const places = adminPlaces(this.#options.settings);
    const endpoints: EndpointsOptions = {
      metrics: this.metrics,
      notReady: () => this.#notReady(),
      status: () => this.#status(),
      drain: () => this.#drain(),
    };
    const shared = places.admin === 'health' ? adminPaths(endpoints) : {};
    const health = await this.#bind('healthAddr', places.health, { ...healthPaths(endpoints), ...shared });
    const apart = places.admin === 'health' ? undefined : places.admin;
    const admin = await this.#bind('adminAddr', apart, adminPaths(endpoints));
    this.#addresses = { health, admin: places.admin === 'health' ? health : admin };
    // A name such as localhost was taken at its word.
    const bound = this.#addresses.admin;
    if (bound && !isLoopback(bound.address)) {
      const { address: host, port } = bound;
      throw notLoopback(formatAddress({ host, port }));
    }
    if (health || bound) {
      const ports = { healthPort: health?.port, adminPort: bound?.port };
      this.#options.log.info('health, metrics and status can be asked for', ports);
    }
  }

  async #bind(
    setting: 'healthAddr' | 'adminAddr',
    address: { readonly host: string; readonly port: number } | undefined,
    paths: Paths,
  ): Promise<BoundAddress | undefined> {
    if (!address) return undefined;
    const { clock, log } = this.#options;
    const listener = new HttpListener({
      address,
      flag: flagOf(setting),
      answer: answerBy(paths),
      clock,
      log,
    });
    this.#listeners.push(listener);
    return await listener.listen();
  }

  #notReady(): string | undefined {
    const state = this.#subject?.drainState ?? 'serving';
    if (state !== 'serving') return state;
    return this.#phase === 'up' ? undefined : this.#phase;
  }

  #status(): Status {
    const { daemon, clock } = this.#options;
    const drainState = this.#subject?.drainState;
    const notReady = this.#notReady();
    if (this.#cut !== undefined) this.#told.resolve();
    return {
      daemon,
      version: VERSION,
      pid: process.pid,
      startedAt: new Date(this.#startedMs).toISOString(),
      uptimeS: Math.round((clock.wall() - this.#startedMs) / 1_000),
      ready: notReady === undefined,
      ...(notReady !== undefined && { notReady }),
      ...(drainState !== undefined && { drainState, splicesCut: this.#cut ?? null }),
      ...this.#subject?.status(),
      files: (this.#subject?.files ?? []).map(fileRow),
    };
  }

  #drain(): DrainState | undefined {
    const subject = this.#subject;
    if (subject?.drainState === 'serving')
      this.#options.log.info('Draining: somebody asked for it by beacon drain.');
    subject?.drain?.().then(
      ({ cut }) => {
        this.#cut = cut;
      },
      () => this.#options.log.error('the drain met a fault of ours; debug logs say more'),
    );
    return subject?.drainState;
  }
}

function fileRow({ name, reloads, failing, notAfterMs }: FileStatus): Row {
  const expires = notAfterMs === undefined ? null : new Date(notAfterMs).toISOString();
  return { name, reloads, keptOut: failing, expires };
}
