/** How rows and panels of the dashboard are drawn. Builders and types are Grafana's own. */
import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  type DataSourceRef,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  type Panel,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

export interface PanelFacts {
  readonly title: string;
  /** What it shows and what to make of it: the text behind the (i). */
  readonly text: string;
  /** As Grafana calls it. Default: a number. */
  readonly unit?: string;
  readonly max?: number;
  readonly queries: readonly { readonly expr: string; readonly legend?: string }[];
  /** Of a single number: red below this value, or from it on. */
  readonly warnBelow?: number;
  readonly warnFrom?: number;
}

export interface RowFacts {
  readonly title: string;
  readonly panels: readonly PanelFacts[];
}

export const SOURCE: DataSourceRef = { type: 'prometheus', uid: '$datasource' };
/** Of 24 columns. */
const STAT_WIDTH = 4;
const CHART_WIDTH = 8;

export function buildPanel(facts: PanelFacts, id: number): cog.Builder<Panel> {
  const isStat = facts.warnBelow !== undefined || facts.warnFrom !== undefined;
  const panel = isStat ? stat(facts) : chart();
  panel
    .id(id)
    .title(facts.title)
    .description(facts.text)
    .datasource(SOURCE)
    .unit(facts.unit ?? 'short')
    .noValue('none')
    .min(0);
  if (facts.max !== undefined) panel.max(facts.max);
  for (const [at, { expr, legend }] of facts.queries.entries()) {
    const query = new DataqueryBuilder()
      .refId(String.fromCharCode(65 + at))
      .datasource(SOURCE)
      .expr(expr);
    if (isStat) query.instant();
    else query.range();
    panel.withTarget(legend === undefined ? query : query.legendFormat(legend));
  }
  return panel;
}

function stat({ warnBelow, warnFrom }: PanelFacts): StatBuilder {
  const [low, high] = warnBelow === undefined ? ['green', 'red'] : ['red', 'green'];
  const steps = [
    { value: null, color: low },
    { value: warnBelow ?? warnFrom ?? 0, color: high },
  ];
  return new StatBuilder()
    .height(4)
    .span(STAT_WIDTH)
    .graphMode(BigValueGraphMode.None)
    .colorMode(BigValueColorMode.Value)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps));
}

function chart(): TimeseriesBuilder {
  return new TimeseriesBuilder()
    .height(8)
    .span(CHART_WIDTH)
    .fillOpacity(10)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
}
