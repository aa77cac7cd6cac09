import { expect, it } from 'vitest';
import { requestFrame, requestOf } from '../../../../src/cluster/forward/request.ts';
import { encodeOriginFrame } from '../../../../src/wire/forward-codec.ts';
import { FORWARD, REQUEST } from './ends.ts';

it('is the same after the wire', () => {
  expect(requestFrame(REQUEST)).toEqual(FORWARD);
  expect(requestOf(FORWARD)).toEqual(REQUEST);
  const choosy = { ...REQUEST, wanted: '01'.repeat(16), except: ['02'.repeat(16), 'ff'.repeat(16)] };
  expect(requestOf(requestFrame(choosy))).toEqual(choosy);
});

it.each([
  [-3, 0],
  [0, 0],
  [0.2, 1],
  [9_999.5, 10_000],
])('makes whole milliseconds of %d', (timeLeftMs, whole) => {
  const frame = requestFrame({ ...REQUEST, timeLeftMs });
  expect(frame.timeLeftMs).toBe(whole);
  expect(() => encodeOriginFrame(frame)).not.toThrow();
});
