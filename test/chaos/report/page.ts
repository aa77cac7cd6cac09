/** The report of a run: one HTML page that needs nothing from elsewhere, for who was called at night. */
import type { Violation } from '../../scenario/checker.ts';
import type { ChaosRun } from '../run.ts';
import { curveLegend, curves } from './curves.ts';
import {
  byRole,
  CURVES,
  type CurveKind,
  curvesOf,
  failovers,
  faultSpans,
  livesOf,
  OUTCOMES,
  type Peak,
  peaksOf,
  type StreamSpan,
  streamSpans,
  type Verdict,
  verdicts,
} from './facts.ts';
import { STYLE } from './style.ts';
import { clock, duration, escaped, TimeAxis } from './svg.ts';
import { legend, textOf, timeline } from './timeline.ts';

export interface PageOptions {
  /** All that looked, by name. */
  readonly checkers: readonly string[];
  readonly violations: readonly Violation[];
  /** What was run, for who wants to run it again. */
  readonly commit: string;
  readonly command: string;
  readonly slowness: number;
}

const MOST_SHOWN = 12;
/** What a chaos run cannot see, and so has no word of: docs/testing.md. */
const KINDS = Object.keys(CURVES) as CurveKind[];
const BLIND = ['pairing'];

export function page(run: ChaosRun, options: PageOptions): string {
  const { scenario, history } = run;
  const axis = new TimeAxis(scenario.untilMs);
  const [faults, streams] = [faultSpans(run), streamSpans(history)];
  const calmMs = history.findLast(({ what }) => what === 'calm')?.ms ?? scenario.untilMs;
  const { violations } = options;
  const facts = { faults, streams, lives: livesOf(run), violations, calmMs };
  const names = [...facts.lives.keys()].sort(byRole);
  const body = [
    header(run, options),
    tiles(run, streams, faults.length),
    `<section><h2>What happened</h2><p class="legend">${legend(faults)}<span><i class="key up"></i>up</span>${streamLegend()}</p>${timeline(facts, axis)}</section>`,
    `<section><h2>Checkers</h2>${checkers(verdicts(options.checkers, violations))}</section>`,
    `<section><h2>Processes</h2><p class="legend">${curveLegend(names)}</p>${peaks(peaksOf(run))}${KINDS.map((kind) => curves(kind, curvesOf(run, kind), faults, axis)).join('')}</section>`,
    `<section><h2>Faults</h2><ol class="faults">${faults.map((fault) => `<li>${escaped(textOf(fault))}</li>`).join('')}</ol></section>`,
  ];
  const title = `Chaos, seed ${scenario.seed}: ${violations.length === 0 ? 'passed' : 'failed'}`;
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"><title>${title}</title><style>${STYLE}</style>`;
  return `<!doctype html>\n<html lang="en"><head>${head}</head><body>${body.join('\n')}</body></html>\n`;
}

function header(
  { scenario, beganMs }: ChaosRun,
  { violations, commit, command, slowness }: PageOptions,
): string {
  const passed = violations.length === 0;
  const verdict = passed ? 'Passed' : 'Failed';
  const found = passed ? 'every checker is content' : count(violations.length, 'finding');
  const about = [
    `seed ${scenario.seed}`,
    `${duration(scenario.untilMs)} from ${new Date(beganMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`,
    [
      count(scenario.relays, 'relay'),
      count(scenario.bridges.length, 'bridge'),
      `${count(scenario.brokers.length, 'broker')} of ${count(scenario.cas, 'CA')}`,
    ].join(', '),
    `commit ${commit}`,
    ...(slowness === 1 ? [] : [`time bounds × ${slowness}`]),
  ];
  return `<header class="${passed ? 'good' : 'bad'}"><h1>${verdict}<small>${found}</small></h1><p>${about.map(escaped).join(' · ')}</p><p>Again: <code>${escaped(command)}</code></p></header>`;
}

function tiles(run: ChaosRun, streams: readonly StreamSpan[], faults: number): string {
  const longest = streams.reduce(
    (most, { stall, stream }) => (stall.ms > most.ms ? { ...stall, stream } : most),
    { ms: 0, atMs: 0, stream: -1 },
  );
  const bytes = run.history.reduce((sum, event) => sum + (event.what === 'read' ? event.bytes : 0), 0);
  const ended = (outcome: string): number => streams.filter((one) => one.outcome === outcome).length;
  const all: readonly (readonly [value: string, name: string, more: string])[] = [
    [String(faults), 'faults', 'as the seed says'],
    [String(streams.length), 'streams', OUTCOMES.map((outcome) => `${ended(outcome)} ${outcome}`).join(', ')],
    [`${(bytes / 1_048_576).toFixed(1)} MiB`, 'read and compared', 'byte by byte with what was written'],
    [
      duration(longest.ms),
      'longest wait of a byte',
      longest.stream === -1 ? 'nothing was read' : `stream ${longest.stream}, until ${clock(longest.atMs)}`,
    ],
    [String(failovers(run.looks)), 'failovers', 'moves of tunnels to another leg, at both ends'],
  ];
  return `<div class="tiles">${all.map(([value, name, more]) => `<div><b>${value}</b><span>${name}</span><small>${more}</small></div>`).join('')}</div>`;
}

function streamLegend(): string {
  return OUTCOMES.map(
    (outcome) => `<span><i class="key stream ${outcome}"></i>stream ${outcome}</span>`,
  ).join('');
}

function checkers(all: readonly Verdict[]): string {
  const row = ({ checker, violations }: Verdict): string => {
    const shown = violations
      .slice(0, MOST_SHOWN)
      .map(({ ms, text }) => `<li><b>${clock(ms)}</b> ${escaped(text)}</li>`);
    const more = violations.length > MOST_SHOWN ? `<li>and ${violations.length - MOST_SHOWN} more</li>` : '';
    const said = violations.length === 0 ? content(checker) : `<ul>${shown.join('')}${more}</ul>`;
    return `<tr><th>${checker}</th><td class="${violations.length === 0 ? '' : 'bad'}">${violations.length}</td><td>${MEANING[checker] ?? ''}${said}</td></tr>`;
  };
  return `<table><thead><tr><th>checker</th><th>found</th><th>promise</th></tr></thead><tbody>${all.map(row).join('')}</tbody></table>`;
}

function count(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? '' : 's'}`;
}

function content(checker: string): string {
  return BLIND.includes(checker)
    ? '<span class="soft">not seen: TLS hides it from a chaos run</span>'
    : '<span class="good">content</span>';
}

function peaks(all: readonly Peak[]): string {
  const cells = ({ name, restarts, most }: Peak): string =>
    [name, restarts, ...KINDS.map((kind) => most[kind].toFixed(0))]
      .map((text, at) => (at === 0 ? `<th>${text}</th>` : `<td>${text}</td>`))
      .join('');
  const heads = [
    'at the most',
    'restarts',
    ...KINDS.map((kind) => [CURVES[kind].title, CURVES[kind].unit].filter((text) => text !== '').join(', ')),
  ];
  return `<table class="peaks"><thead><tr>${heads.map((text) => `<th>${text}</th>`).join('')}</tr></thead><tbody>${all.map((peak) => `<tr>${cells(peak)}</tr>`).join('')}</tbody></table>`;
}

const MEANING: Readonly<Record<string, string>> = {
  streams: 'Every stream delivers the bytes that were written, or an error at both ends.',
  survival: 'No stream fails for a relay or for the network.',
  rightBridge: 'No broker comes out at a bridge of another CA.',
  pairing: 'Brokers are paired in time, or refused with a code that is true.',
  parking: 'Once things are calm, each bridge is parked on two relays.',
  directory: 'Relays agree on who lives and what is parked where; the dead are forgotten.',
  incarnations: 'A process that is gone never comes back.',
  limits: 'No limit is passed at any instant.',
  base: 'Everything is given back in the end.',
  complete: 'The run did and saw all that it was to.',
  processes: 'No process ends by itself.',
  run: 'The faults could be done.',
};
