/** What a broker says to a relay, in frames. */
import { describe, expect, it } from 'vitest';
import { RELAY_SILENCE_MS } from '../../../src/base/limits.ts';
import { ConnectTalk } from '../../../src/broker/connect-talk.ts';
import { refusal } from '../../../src/wire/refusal.ts';
import { makePki } from '../../support/certificates.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const PAIRED = {
  type: 'paired',
  pairId: Buffer.alloc(16, 1),
  bridge: Buffer.alloc(16, 2),
  path: [{ node: 'a', zone: '' }],
} as const;

function scene() {
  const clock = new ManualClock();
  const told: string[] = [];
  const talk = new ConnectTalk(
    { infoHash: makePki().infoHash, instance: Buffer.alloc(16, 7), software: 'test/1', clock },
    {
      send: ({ type }) => told.push(`> ${type}`),
      onPaired: ({ path }) => told.push(`paired over ${path[0].node}`),
      onFailed: ({ code }) => told.push(code),
    },
  );
  talk.start();
  return { clock, talk, told };
}

describe('the talk of a broker', () => {
  it('goes from HELLO to PAIRED, and leaves no timer', () => {
    const { clock, talk, told } = scene();
    talk.take({ type: 'waiting' });
    talk.take({ type: 'ping', token: 1 });
    talk.take(PAIRED);
    talk.take(PAIRED);
    clock.advance(RELAY_SILENCE_MS);
    expect(told).toEqual(['> hello', 'paired over a']);
    expect(clock.pending).toBe(0);
  });

  it('waits for as long as anything comes, and ends when nothing does', () => {
    const { clock, talk, told } = scene();
    clock.advance(RELAY_SILENCE_MS - 1);
    talk.heard();
    clock.advance(RELAY_SILENCE_MS - 1);
    expect(told).toEqual(['> hello']);
    clock.advance(1);
    expect(told).toEqual(['> hello', 'timeout']);
  });

  it('ends with a refusal, and with a frame that is not for brokers', () => {
    const refused = scene();
    refused.talk.take(refusal('noBridge'));
    expect(refused.told.at(-1)).toBe('noBridge');
    expect(refused.clock.pending).toBe(0);

    const other = scene();
    other.talk.take({ type: 'offer', pairId: Buffer.alloc(16) });
    expect(other.told.at(-1)).toBe('malformed');
  });
});
