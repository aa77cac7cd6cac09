import { Duplex, getDefaultHighWaterMark } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { STREAM_BUFFER_BYTES } from '../../../src/base/limits.ts';
import { creatingBuffers, withBuffers } from '../../../src/net/buffers.ts';

describe('withBuffers', () => {
  it('adds the high-water mark to what is given', () => {
    expect(withBuffers({ port: 1 })).toEqual({ port: 1, highWaterMark: STREAM_BUFFER_BYTES });
  });
});

describe('creatingBuffers', () => {
  it('bounds the streams that are made inside, and no others', () => {
    const before = getDefaultHighWaterMark(false);
    let made = new Duplex();
    creatingBuffers(() => {
      made = new Duplex();
    });
    expect(made.readableHighWaterMark).toBe(STREAM_BUFFER_BYTES);
    expect(made.writableHighWaterMark).toBe(STREAM_BUFFER_BYTES);
    expect(getDefaultHighWaterMark(false)).toBe(before);
    expect(before).not.toBe(STREAM_BUFFER_BYTES);
  });

  it('puts the default back when something throws', () => {
    const before = getDefaultHighWaterMark(false);
    expect(() =>
      creatingBuffers(() => {
        throw new RangeError('broken');
      }),
    ).toThrow(RangeError);
    expect(getDefaultHighWaterMark(false)).toBe(before);
  });
});
