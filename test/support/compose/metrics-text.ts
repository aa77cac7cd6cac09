/** What /metrics says, as far as a run asks. */
export interface Metric {
  readonly name: string;
  /** As they are written, `{a="b"}`; empty where there are none. */
  readonly labels: string;
  readonly value: number;
}

export function parseMetrics(text: string): readonly Metric[] {
  return [...text.matchAll(/^(\w+)(\{.*\})? (\S+)$/gm)].map(([, name = '', labels = '', value]) => ({
    name,
    labels,
    value: Number(value),
  }));
}

/** Of all samples of that name whose labels contain `labels`. */
export function sum(metrics: readonly Metric[], name: string, labels = ''): number {
  return metrics
    .filter((metric) => metric.name === name && metric.labels.includes(labels))
    .reduce((total, { value }) => total + value, 0);
}
