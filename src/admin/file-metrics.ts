/** What became of the files that a daemon reads again, and when certificates in them expire. */
import type { FileStatus } from '../base/file-watch.ts';
import type { Metrics, Sample } from './metrics.ts';

export function addFileMetrics(metrics: Metrics, files: () => readonly FileStatus[]): void {
  const labels = ['file'];
  const of = (value: (file: FileStatus) => number | undefined) => (): Iterable<Sample> =>
    files().flatMap((file) => {
      const number = value(file);
      return number === undefined ? [] : [[number, { file: file.name }] as const];
    });
  metrics.gauge(
    {
      name: 'beacon_certificate_expiry_timestamp_seconds',
      help: 'When the first certificate of those in force expires, since 1970.',
      labels,
    },
    of(({ notAfterMs }) => (notAfterMs === undefined ? undefined : notAfterMs / 1_000)),
  );
  metrics.total(
    { name: 'beacon_file_reloads_total', help: 'Changes of files that were taken over.', labels },
    of(({ reloads }) => reloads),
  );
  metrics.total(
    {
      name: 'beacon_file_failures_total',
      help: 'Changes of files that were kept out, as they are of no use.',
      labels,
    },
    of(({ failures }) => failures),
  );
  metrics.gauge(
    { name: 'beacon_file_failing', help: '1 while files hold something that is kept out, else 0.', labels },
    of(({ failing }) => (failing ? 1 : 0)),
  );
}
