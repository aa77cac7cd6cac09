/** Runs a daemon with its health, metrics and administration around it. */
import { Admin, type AdminAddresses, type AdminOptions } from './admin.ts';
import type { Metrics } from './metrics.ts';
import type { AdminSubject } from './subject.ts';

/** A daemon that runs, and what it shows. */
export interface Administered extends AdminSubject {
  stop(): Promise<void>;
}

/**
 * Opens the listeners, calls `start`, and closes them when that fails or the daemon has stopped.
 *
 * @param start is given the metrics to add its own to.
 */
export async function withAdmin<T extends Administered>(
  options: AdminOptions,
  start: (metrics: Metrics) => Promise<T>,
): Promise<T & { readonly admin: AdminAddresses }> {
  const admin = await Admin.open(options);
  try {
    const running = await start(admin.metrics);
    admin.serve(running);
    const stop = running.stop.bind(running);
    return Object.assign(running, {
      admin: admin.addresses,
      async stop() {
        admin.stopping();
        try {
          await stop();
        } finally {
          await admin.close();
        }
      },
    });
  } catch (error) {
    await admin.close();
    throw error;
  }
}
