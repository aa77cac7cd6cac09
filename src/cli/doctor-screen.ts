/** What `beacon doctor` prints: one row for each step and pair, then what follows from them. */
import { isTrial } from '../doctor/diagnosis.ts';
import type { Examination, Finding, Skipped, Trial } from '../doctor/types.ts';

type Word = 'ok' | 'warning' | 'FAILED' | 'not tried';
/** Word, which relay or pair, step, time, what was seen. */
type Row = readonly [Word, string, string, string, string];

/** Each relay alone. */
export function rowsOfRelays(alone: readonly Trial[]): string {
  return lines(alone.flatMap(stepRows));
}

/** Said before the pairs are tried, so that nobody takes the pause for the end. */
export const PAIRS_HEADING = '\na broker at one -> a bridge at another (10 s and more where that fails):\n';

/** Each pair of two. */
export function rowsOfPairs({ pairs }: Examination): string {
  return lines(pairs.map(pairRow));
}

/** What works, and what is to be done. */
export function summary({ alone, pairs, findings }: Examination): string {
  const count = (of: readonly (Trial | Skipped)[]): string =>
    `${of.filter((each) => isTrial(each) && !each.failure).length} of ${of.length}`;
  const work = `${count(alone)} relays work alone${pairs.length > 0 ? `, ${count(pairs)} pairs work` : ''}.`;
  return ['', work, ...findings.flatMap(paragraph), ''].join('\n');
}

function stepRows({ bridge, steps, failure }: Trial): readonly Row[] {
  const done = steps.map(({ name, ms, text, isWarning }): Row => {
    return [isWarning ? 'warning' : 'ok', bridge, name, timeText(ms), text];
  });
  if (!failure) return done;
  const whose = failure.end === 'broker' && failure.step !== 'pair' ? 'the broker: ' : '';
  return [...done, ['FAILED', bridge, failure.step, '', `${whose}${failure.text}`]];
}

function pairRow(pair: Trial | Skipped): Row {
  const name = `${pair.broker} -> ${pair.bridge}`;
  if (!isTrial(pair)) return ['not tried', name, '', '', `${pair.because} does not work alone`];
  const { failure, steps, ms } = pair;
  const paired = steps.find(({ name }) => name === 'pair');
  if (!failure) return ['ok', name, 'pair', timeText(paired?.ms ?? ms), paired?.text ?? ''];
  const whose = failure.end === undefined ? '' : `the ${failure.end}: `;
  return ['FAILED', name, failure.step, timeText(ms), `${whose}${failure.text}`];
}

function paragraph({ severity, about, text, remedy }: Finding): readonly string[] {
  const word = { failure: 'FAILED', warning: 'warning', note: 'note' }[severity];
  return [
    '',
    `${word}: ${about.join(', ')}`,
    `  ${text}`,
    ...(remedy === '' ? [] : [`  What to do: ${remedy}.`]),
  ];
}

function timeText(ms: number | undefined): string {
  if (ms === undefined) return '';
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

const WORD_WIDTH = 'not tried'.length;
const STEP_WIDTH = 'certificate'.length;
const TIME_WIDTH = '99999 ms'.length;

function lines(rows: readonly Row[]): string {
  const width = Math.max(0, ...rows.map(([, name]) => name.length));
  return rows
    .map(([word, name, step, time, text]) => {
      const cells = [
        word.padEnd(WORD_WIDTH),
        name.padEnd(width),
        step.padEnd(STEP_WIDTH),
        time.padStart(TIME_WIDTH),
      ];
      return `${cells.join('  ')}  ${text}\n`;
    })
    .join('');
}
