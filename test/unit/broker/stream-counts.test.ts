/** What became of streams, counted. */
import { expect, it } from 'vitest';
import { STREAM_OUTCOMES, StreamCounts } from '../../../src/broker/stream-counts.ts';

it('counts each outcome by its name', () => {
  const counts = new StreamCounts();
  for (const [times, outcome] of STREAM_OUTCOMES.entries())
    for (let count = 0; count < times; count += 1) counts.add(outcome);
  expect(STREAM_OUTCOMES.map((outcome) => counts.of(outcome))).toEqual([...STREAM_OUTCOMES.keys()]);
});

it('counts what is no outcome of a stream as a fault', () => {
  const counts = new StreamCounts();
  counts.add('draining');
  expect(counts.of('internal')).toBe(1);
});
