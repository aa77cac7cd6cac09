/** What each path answers. Knows no sockets. */
import type { DrainState } from '../base/drain.ts';
import { type Answer, json, line, type Paths } from './exchange.ts';
import { guarded } from './guard.ts';
import type { Metrics } from './metrics.ts';
import type { Status } from './status.ts';
import { statusPage } from './status-page.ts';

/** What /healthz and /readyz say when all is well. */
export const ALIVE = 'alive';
export const READY = 'ready';

export interface EndpointsOptions {
  readonly metrics: Metrics;
  /** Why it takes no work now; undefined: it does. */
  readonly notReady: () => string | undefined;
  readonly status: () => Status;
  /** Begins to drain and says how far it is. Undefined: this daemon cannot. */
  readonly drain: () => DrainState | undefined;
}

/** For probes and scrapers, from wherever the listener can be reached. */
export function healthPaths({ metrics, notReady }: EndpointsOptions): Paths {
  return {
    '/healthz': { GET: () => line(200, ALIVE) },
    '/readyz': {
      GET: () => {
        const why = notReady();
        return why === undefined ? line(200, READY) : line(503, `not ready: ${why}`);
      },
    },
    '/metrics': {
      GET: async (): Promise<Answer> => ({
        status: 200,
        type: metrics.contentType,
        body: await metrics.text(),
      }),
    },
  };
}

/** For processes of this machine. */
export function adminPaths({ status, drain }: EndpointsOptions): Paths {
  return {
    '/': { GET: guarded(() => statusPage(status())) },
    '/status': { GET: guarded(() => json(200, status())) },
    '/admin/drain': {
      POST: guarded(() => {
        const drainState = drain();
        return drainState === undefined
          ? line(404, 'only a relay that is up drains; a bridge or a broker is simply stopped (SIGTERM)')
          : json(202, { drainState });
      }),
    },
  };
}
