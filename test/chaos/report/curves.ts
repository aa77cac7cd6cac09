/** What processes used over time: a line for each. */
import { CURVES, type Curve, type CurveKind, type FaultSpan } from './facts.ts';
import { chart, PLOT, round, type TimeAxis } from './svg.ts';

const HEIGHT = 130;
/** Between two samples further apart than this a process did not answer: the line has a gap. */
const GAP_MS = 4_000;
const ROUND_STEPS = [1, 2, 2.5, 5, 10];

export function curves(
  kind: CurveKind,
  all: readonly Curve[],
  faults: readonly FaultSpan[],
  axis: TimeAxis,
): string {
  const { title, unit } = CURVES[kind];
  const most = roundUp(Math.max(1, ...all.flatMap(({ points }) => points.map(([, value]) => value))));
  const y = (value: number): number => round(HEIGHT - (value / most) * (HEIGHT - 10));
  const bands = faults.map(({ fromMs, untilMs }) => {
    const { x, width } = axis.band(fromMs, untilMs, 2);
    return `<rect class="shade" x="${x}" y="0" width="${width}" height="${HEIGHT}"/>`;
  });
  const levels = [0, most / 2, most].map(
    (value) =>
      `<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${y(value)}" y2="${y(value)}"/><text class="level" x="${PLOT.left - 10}" y="${y(value) + 4}">${value}${value === most ? ` ${unit}` : ''}</text>`,
  );
  const lines = all.map(
    ({ name, points }) =>
      `<path class="curve ${colourOf(name)}" d="${pathOf(points, axis, y)}"><title>${name}</title></path>`,
  );
  const svg = chart(
    HEIGHT,
    `${title} over time`,
    bands.join('') + axis.grid(HEIGHT) + levels.join('') + lines.join(''),
  );
  return `<figure><figcaption>${title}</figcaption>${svg}</figure>`;
}

export function curveLegend(names: readonly string[]): string {
  return names.map((name) => `<span><i class="key line ${colourOf(name)}"></i>${name}</span>`).join('');
}

/** Relays, bridges and brokers have a hue each. */
function colourOf(name: string): string {
  const [role, index] = name.split('-');
  return `${role} n${Number(index) % 4}`;
}

function pathOf(points: Curve['points'], axis: TimeAxis, y: (value: number) => number): string {
  let last = Number.NEGATIVE_INFINITY;
  return points
    .map(([ms, value]) => {
      const step = `${ms - last > GAP_MS ? 'M' : 'L'}${axis.x(ms)} ${y(value)}`;
      last = ms;
      return step;
    })
    .join('');
}

function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return (ROUND_STEPS.find((step) => step * power >= value) ?? 10) * power;
}
