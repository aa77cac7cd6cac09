/** What a parked connection says, in frames, with a relay that does not read or does not answer. */
import { describe, expect, it } from 'vitest';
import { PING_INTERVAL_MS, PONG_TIMEOUT_MS, RELAY_SILENCE_MS } from '../../../src/base/limits.ts';
import { ParkTalk } from '../../../src/bridge/park-talk.ts';
import type { ClientFrame } from '../../../src/wire/frames.ts';
import { makePki } from '../../support/certificates.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const PARKED = {
  type: 'parked',
  node: 'a',
  zone: '',
  incarnation: 1,
  pingIntervalMs: PING_INTERVAL_MS,
} as const;
const OFFER = { type: 'offer', pairId: Buffer.alloc(16, 3) } as const;

function scene(reads: (frame: ClientFrame) => boolean = () => true) {
  const clock = new ManualClock();
  const told: string[] = [];
  const talk: ParkTalk = new ParkTalk(
    { infoHash: makePki().infoHash, instance: Buffer.alloc(16, 7), software: 'test/1', clock },
    {
      send(frame) {
        if (reads(frame)) told.push(`> ${frame.type}`);
        else talk.silent();
      },
      onParked: ({ node }) => told.push(`parked at ${node}`),
      onLeave: () => told.push('leave'),
      onDraining: (node) => told.push(`${node} drains`),
      onPaired: () => told.push('paired'),
      onEnd: ({ code }, parkedMs) => told.push(`${code} after ${parkedMs}`),
    },
  );
  talk.start();
  return { clock, talk, told };
}

describe('the talk of a parked connection', () => {
  it('goes from HELLO to ACCEPT, and leaves no timer', () => {
    const { clock, talk, told } = scene();
    talk.take(PARKED);
    talk.take({ type: 'goaway', reconnectAfterMs: 1_000 });
    talk.take(OFFER);
    expect(told).toEqual(['> hello', 'parked at a', '> accept', 'paired']);
    expect(talk.done).toBe(true);
    expect(clock.pending).toBe(0);
    talk.take(OFFER);
    expect(told).toHaveLength(4);
  });

  it('ends where the relay never answers HELLO, or a PING', () => {
    const { clock, told } = scene();
    clock.advance(RELAY_SILENCE_MS);
    expect(told.at(-1)).toBe('timeout after 0');

    const other = scene();
    other.talk.take(PARKED);
    other.clock.advance(PING_INTERVAL_MS + PONG_TIMEOUT_MS);
    expect(other.told.slice(-2)).toEqual(['> ping', `timeout after ${PING_INTERVAL_MS + PONG_TIMEOUT_MS}`]);
    expect(other.clock.pending).toBe(0);
  });

  it('with a relay that does not read its PING ends at once, and leaves no timer', () => {
    const { clock, talk, told } = scene(({ type }) => type !== 'ping');
    talk.take(PARKED);
    clock.advance(PING_INTERVAL_MS);
    expect(told.at(-1)).toBe(`timeout after ${PING_INTERVAL_MS}`);
    expect(clock.pending).toBe(0);
  });

  it('with a relay that does not read its ACCEPT comes to no pairing', () => {
    const { talk, told } = scene(({ type }) => type !== 'accept');
    talk.take(PARKED);
    talk.take(OFFER);
    expect(told).toEqual(['> hello', 'parked at a', 'timeout after 0']);
  });
});
