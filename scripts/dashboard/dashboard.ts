/** The dashboard of a fleet, as the JSON that Grafana takes. */
import {
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { ROWS } from './fleet.ts';
import { buildPanel, SOURCE } from './panel.ts';

/** Where `npm run dashboard` writes it. */
export const DASHBOARD_FILE = 'chart/dashboards/beacon-fleet.json';

export function dashboardJson(): string {
  const dashboard = new DashboardBuilder('Beacon fleet')
    .uid('beacon-fleet')
    .description('Relays, bridges and brokers of Beacon. docs/metrics.md says what each number means.')
    .tags(['beacon'])
    .refresh('30s')
    .time({ from: 'now-6h', to: 'now' })
    .tooltip(DashboardCursorSync.Crosshair)
    .timezone('browser')
    .readonly()
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(variable('namespace', 'Namespace', 'label_values(beacon_build_info, namespace)'))
    .withVariable(variable('job', 'Job', 'label_values(beacon_build_info{namespace=~"$namespace"}, job)'));
  let id = 0;
  for (const { title, panels } of ROWS) {
    dashboard.withRow(new RowBuilder(title).id(++id));
    for (const facts of panels) dashboard.withPanel(buildPanel(facts, ++id));
  }
  return `${JSON.stringify(dashboard.build(), null, 2)}\n`;
}

/** Labels of targets, all of them at first. `.*` fits a target that has no such label as well. */
function variable(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(SOURCE)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ selected: true, text: 'All', value: '$__all' });
}
