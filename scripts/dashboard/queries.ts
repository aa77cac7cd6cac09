/**
 * Pieces of the queries of the dashboard. Names of metrics are shared by daemons where they mean the same; whose they are,
 * `beacon_build_info` of the same target says.
 */
import type { PanelFacts } from './panel.ts';

/** Targets that the variables of the dashboard choose. */
const CHOSEN = 'namespace=~"$namespace",job=~"$job"';
/** One series for each target. A target of a plain Prometheus has no namespace, and then both sides have none. */
const TARGET = 'namespace, job, instance';

export type Daemon = 'relay' | 'bridge' | 'broker';

/** Series of `metric`, of chosen targets. @param labels further matchers. */
export function series(metric: string, labels = ''): string {
  return `${metric}{${[CHOSEN, labels].filter((each) => each !== '').join(',')}}`;
}

/** The same, of one kind of daemon only. */
export function of(daemon: Daemon, metric: string, labels = ''): string {
  return `${series(metric, labels)} and on (${TARGET}) ${series('beacon_build_info', `daemon="${daemon}"`)}`;
}

/** What was counted a second. */
export function rate(metric: string, labels = ''): string {
  return `rate(${series(metric, labels)}[$__rate_interval])`;
}

export function rateOf(daemon: Daemon, metric: string, labels = ''): string {
  return `${rate(metric, labels)} and on (${TARGET}) ${series('beacon_build_info', `daemon="${daemon}"`)}`;
}

/** A quantile of a histogram over all chosen targets. */
export function quantile(which: number, histogram: string, by = ''): string {
  const labels = ['le', by].filter((each) => each !== '').join(', ');
  return `histogram_quantile(${which}, sum by (${labels}) (${rate(`${histogram}_bucket`)}))`;
}

/** Half of them and nearly all of them. */
export function quantiles(histogram: string): PanelFacts['queries'] {
  return [
    { expr: quantile(0.5, histogram), legend: 'median' },
    { expr: quantile(0.99, histogram), legend: '99 %' },
  ];
}
