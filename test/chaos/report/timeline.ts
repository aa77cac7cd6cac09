/** What befell whom when, what became of streams meanwhile, and how long bytes were under way: one chart over one time axis. */
import type { Violation } from '../../scenario/checker.ts';
import type { FaultKind } from '../../scenario/faults.ts';
import { byRole, type FaultSpan, type Span, type StreamSpan } from './facts.ts';
import { chart, clock, duration, escaped, PLOT, round, type TimeAxis } from './svg.ts';

export interface TimelineFacts {
  readonly faults: readonly FaultSpan[];
  readonly streams: readonly StreamSpan[];
  /** When each process was up. */
  readonly lives: ReadonlyMap<string, readonly Span[]>;
  readonly violations: readonly Violation[];
  readonly calmMs: number;
}

/** Kinds of faults that look alike do alike. */
const LOOKS: Readonly<Record<FaultKind, string>> = {
  kill: 'dead',
  restart: 'dead',
  pause: 'still',
  drain: 'drain',
  cut: 'cut',
  blackHole: 'cut',
  reset: 'reset',
  slow: 'slow',
  drop: 'slow',
  duplicate: 'slow',
  reorder: 'slow',
  clockJump: 'still',
  certificates: 'certificates',
};
const MEANINGS: readonly (readonly [look: string, meaning: string])[] = [
  ['dead', 'killed'],
  ['drain', 'drains'],
  ['still', 'stopped'],
  ['cut', 'cut or black hole'],
  ['reset', 'reset'],
  ['slow', 'slow or lossy'],
  ['certificates', 'new certificates'],
];
const LANE = 26;
const GAP = 14;
const STREAM_ROWS = 16;
const STREAM_HEIGHT = 5;
const STALL_HEIGHT = 70;

export function timeline(facts: TimelineFacts, axis: TimeAxis): string {
  const names = [...facts.lives.keys()].sort(byRole);
  const placed = placeStreams(facts.streams, axis);
  const rows = Math.max(0, ...placed.map(({ row }) => row + 1));
  const parts = [
    part('findings', 18, () => findings(facts.violations, axis)),
    ...names.map((name) => part(name, LANE, () => lane(name, facts, axis))),
    part('streams', Math.max(LANE, rows * STREAM_HEIGHT + GAP), () => placed.map(streamBar).join('')),
    part('longest wait', STALL_HEIGHT + GAP, () => stalls(facts.streams, axis)),
  ];
  let y = 4;
  const tops = new Map<string, number>();
  const drawn = parts.map(({ name, height, draw }) => {
    tops.set(name, y);
    const text = `<g transform="translate(0 ${y})"><text class="name" x="${PLOT.left - 10}" y="${Math.min(height, LANE) / 2 + 4}">${name}</text>${draw()}</g>`;
    y += height;
    return text;
  });
  const calm = axis.band(facts.calmMs, axis.untilMs);
  const shade = `<rect class="calm" x="${calm.x}" width="${calm.width}" y="0" height="${y}"/><text class="note" x="${calm.x + 6}" y="14">calm</text>`;
  const links = facts.faults.map((fault) => link(fault, tops, axis)).join('');
  return chart(y, 'faults, streams and stalls over time', shade + axis.grid(y) + drawn.join('') + links);
}

export function legend(faults: readonly FaultSpan[]): string {
  const seen = new Set(faults.map(({ fault }) => LOOKS[fault.kind]));
  const shown = MEANINGS.filter(([look]) => seen.has(look));
  return shown.map(([look, meaning]) => `<span><i class="key ${look}"></i>${meaning}</span>`).join('');
}

export function textOf({ fault, names, fromMs, untilMs }: FaultSpan): string {
  const where =
    fault.kind === 'cut' && names.length === 1
      ? `${names[0]} plugged out of its network`
      : names.length > 0
        ? names.join('oneWay' in fault && fault.oneWay ? ' → ' : ' ↔ ')
        : 'between relays';
  const what = fault.kind === 'drop' ? `${Math.round(fault.share * 100)} % of packets lost` : fault.kind;
  return `${clock(fromMs)} ${what}, ${where}${untilMs > fromMs ? `, ${duration(untilMs - fromMs)}` : ''}`;
}

interface Part {
  readonly name: string;
  readonly height: number;
  readonly draw: () => string;
}

function part(name: string, height: number, draw: () => string): Part {
  return { name, height, draw };
}

function findings(violations: readonly Violation[], axis: TimeAxis): string {
  if (violations.length === 0) return `<text class="note" x="${PLOT.left}" y="13">none</text>`;
  return violations
    .map(
      ({ ms, checker, text }) =>
        `<path class="finding" d="M${axis.x(ms)} 16 l-5 -11 h10 z"><title>${clock(ms)} ${checker}: ${escaped(text)}</title></path>`,
    )
    .join('');
}

function lane(name: string, { lives, faults }: TimelineFacts, axis: TimeAxis): string {
  const up = (lives.get(name) ?? []).map(({ fromMs, untilMs }) => {
    const { x, width } = axis.band(fromMs, untilMs);
    return `<rect class="up" x="${x}" y="10" width="${width}" height="6" rx="3"/>`;
  });
  const bands = faults
    .filter(({ names }) => (names.length === 0 ? name.startsWith('relay') : names.includes(name)))
    .map((fault) => {
      const { x, width } = axis.band(fault.fromMs, fault.untilMs, 4);
      // What befalls a process fills its lane; what befalls a link is an edge of it.
      const [y, height] = fault.names.length === 1 ? [3, 20] : [8, 10];
      return `<rect class="fault ${LOOKS[fault.fault.kind]}" x="${x}" y="${y}" width="${width}" height="${height}" rx="2"><title>${escaped(textOf(fault))}</title></rect>`;
    });
  return up.join('') + bands.join('');
}

/** From one end of a link to the other, so that it is seen whose link it is. */
function link(
  { fault, names, fromMs, untilMs }: FaultSpan,
  tops: ReadonlyMap<string, number>,
  axis: TimeAxis,
): string {
  const [from, to] = names.map((name) => tops.get(name));
  if (from === undefined || to === undefined) return '';
  const { x, width } = axis.band(fromMs, untilMs, 4);
  const at = round(x + Math.min(width, 4) / 2);
  return `<line class="link ${LOOKS[fault.kind]}" x1="${at}" x2="${at}" y1="${from + LANE / 2}" y2="${to + LANE / 2}"/>`;
}

interface Placed {
  readonly span: StreamSpan;
  readonly x: number;
  readonly width: number;
  readonly row: number;
}

/** Each in the first row that is free at its time; what finds none is drawn over the last. */
function placeStreams(all: readonly StreamSpan[], axis: TimeAxis): readonly Placed[] {
  const free = Array.from({ length: STREAM_ROWS }, () => Number.NEGATIVE_INFINITY);
  return all.map((span) => {
    const { x, width } = axis.band(span.fromMs, span.untilMs, 2);
    const found = free.findIndex((end) => end < x);
    const row = found === -1 ? STREAM_ROWS - 1 : found;
    free[row] = x + width;
    return { span, x, width, row };
  });
}

function streamBar({ span, x, width, row }: Placed): string {
  const { stream, broker, outcome, fromMs, untilMs, stall } = span;
  const title = `stream ${stream} of ${broker}: ${outcome} after ${duration(untilMs - fromMs)}, longest wait ${duration(stall.ms)}`;
  return `<rect class="stream ${outcome}" x="${x}" y="${row * STREAM_HEIGHT}" width="${width}" height="${STREAM_HEIGHT - 1}"><title>${title}</title></rect>`;
}

function stalls(all: readonly StreamSpan[], axis: TimeAxis): string {
  const most = Math.max(1_000, ...all.map(({ stall }) => stall.ms));
  const scale = `<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="0" y2="0"/><text class="value" x="${PLOT.right + 8}" y="9">${duration(most)}</text><line class="base" x1="${PLOT.left}" x2="${PLOT.right}" y1="${STALL_HEIGHT}" y2="${STALL_HEIGHT}"/>`;
  const bars = all.map(({ stream, stall }) => {
    const height = round((stall.ms / most) * STALL_HEIGHT);
    const x = axis.x(stall.atMs);
    return `<line class="stall" x1="${x}" x2="${x}" y1="${round(STALL_HEIGHT - height)}" y2="${STALL_HEIGHT}"><title>stream ${stream}: ${duration(stall.ms)}</title></line>`;
  });
  return scale + bars.join('');
}
