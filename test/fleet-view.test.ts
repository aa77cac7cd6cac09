/**
 * The dashboard and the alerts name nothing that the product does not have: metrics and labels of docs/metrics.md, which
 * test/e2e/metrics.test.ts compares with the processes. That the queries give data shows test/chart/fleet-view.test.ts.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dashboardJson } from '../scripts/dashboard/dashboard.ts';
import { anchorsOf, filledIn, type Panel, readAlerts, readDashboard } from './support/fleet-view.ts';
import { type Documented, documented } from './support/metrics.ts';
import { readPromql, type Selector } from './support/promql.ts';

/** What Prometheus itself gives each series of a target. */
const OF_TARGETS = ['namespace', 'job', 'instance'];
const COLUMNS = 24;

const metrics = new Map<string, Documented>(
  (['relay', 'bridge', 'broker'] as const).flatMap((daemon) => [...documented(daemon)]),
);

/** Labels of the series that `selector` selects. Throws where there is no such metric, or type of it. */
function labelsOf({ metric }: Selector): readonly string[] {
  if (metric === 'up') return OF_TARGETS;
  const own = metrics.get(metric);
  if (own && own.type !== 'histogram') return [...OF_TARGETS, ...own.labels];
  const [, family = '', suffix] = /^(.*)_(bucket|sum|count)$/.exec(metric) ?? [];
  const histogram = metrics.get(family);
  if (histogram?.type !== 'histogram') throw new Error(`no metric has series called ${metric}`);
  return [...OF_TARGETS, ...histogram.labels, ...(suffix === 'bucket' ? ['le'] : [])];
}

/** Checks what `expr` names; the labels that its result can have. */
function check(expr: string): readonly string[] {
  const { selectors, groupings, labels } = readPromql(filledIn(expr));
  expect(selectors.length, expr).toBeGreaterThan(0);
  for (const selector of selectors)
    for (const { label } of selector.matchers) expect(labelsOf(selector), expr).toContain(label);
  const all = selectors.flatMap(labelsOf);
  for (const label of groupings) expect(all, expr).toContain(label);
  return labels ?? all;
}

function cells({ gridPos: { x, y, w, h } }: Panel): string[] {
  return Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`);
}

describe('the check itself', () => {
  it.each([
    ['a metric that there is not', 'rate(beacon_pairing_total[1m])'],
    ['a label that the metric does not have', 'beacon_parked{way="local"}'],
    ['a grouping by such a label', 'sum by (way) (beacon_parked)'],
    ['a histogram without its suffix', 'rate(beacon_pairing_duration_seconds[1m])'],
    ['a bucket of what is no histogram', 'beacon_parked_bucket'],
    ['le of a count', 'beacon_pairing_duration_seconds_count{le="1"}'],
    ['no PromQL', 'sum(beacon_parked'],
    ['no metric', 'vector(1)'],
  ])('refuses %s', (_name, expr) => {
    expect(() => check(expr)).toThrow();
  });
});

describe('the dashboard', () => {
  const dashboard = readDashboard();
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');

  it('is what npm run dashboard writes', () => {
    expect(JSON.parse(dashboardJson())).toEqual(dashboard);
  });

  it('has panels, each with an id, a title and an explanation of its own', () => {
    expect(panels.length).toBeGreaterThan(20);
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const titles = dashboard.panels.map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
    for (const { title, description = '' } of panels) expect(description.length, title).toBeGreaterThan(10);
  });

  it('lays panels side by side, none over another or over the edge', () => {
    const all = dashboard.panels.flatMap(cells);
    expect(all.length).toBe(new Set(all).size);
    for (const { gridPos, title } of dashboard.panels)
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(COLUMNS);
  });

  it.each(panels.map((panel) => [panel.title, panel] as const))('%s: its queries', (_title, panel) => {
    const { targets = [], datasource } = panel;
    expect(datasource).toEqual({ type: 'prometheus', uid: '$datasource' });
    expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    expect(targets.length).toBeGreaterThan(0);
    for (const { expr, legendFormat = '' } of targets) {
      const labels = check(expr);
      for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(labels, expr).toContain(label);
      // Whatever is shown is what the variables choose.
      for (const { matchers } of readPromql(expr.replaceAll('$__rate_interval', '1m')).selectors)
        expect(matchers.map(({ value }) => value)).toEqual(expect.arrayContaining(['$namespace', '$job']));
    }
  });

  it('has variables for the data source and for whose targets are shown', () => {
    const { list } = dashboard.templating;
    expect(list.map(({ name }) => name)).toEqual(['datasource', 'namespace', 'job']);
    for (const { query } of list.slice(1)) {
      const [, expr = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(query) ?? [];
      expect(check(expr)).toContain(label);
    }
  });
});

describe('the alerts', () => {
  const alerts = readAlerts();

  it('have names of their own', () => {
    expect(alerts.length).toBeGreaterThan(10);
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
  });

  it.each(alerts.map((alert) => [alert.alert, alert] as const))(
    '%s',
    (name, { expr, labels, annotations }) => {
      const known = check(expr);
      expect(['critical', 'warning']).toContain(labels['severity']);
      expect(Object.keys(annotations).toSorted()).toEqual(['description', 'runbook_url', 'summary']);
      for (const text of [annotations['summary'] ?? '', annotations['description'] ?? '']) {
        expect(text).toMatch(/\.$/);
        for (const [, label] of text.matchAll(/\$labels\.(\w+)/g)) expect(known, text).toContain(label);
      }
      const [page = '', anchor] = annotations['runbook_url']?.split('#') ?? [];
      expect(page).toBe('docs/operations.md');
      expect(anchor).toBe(name.toLowerCase());
      expect(anchorsOf(readFileSync(page, 'utf8'))).toContain(anchor);
    },
  );

  it('and the runbook have the same alerts, in the same order', () => {
    const [, section = ''] = readFileSync('docs/operations.md', 'utf8').split('\n## Alerts\n');
    const headings = [...(section.split('\n## ')[0] ?? '').matchAll(/^### (.+)$/gm)];
    expect(headings.map(([, heading]) => heading)).toEqual(alerts.map(({ alert }) => alert));
  });
});
