import { describe, expect, it } from 'vitest';
import { Inbox } from '../../../../src/tunnel/session/inbox.ts';
import { LegState } from '../../../../src/tunnel/session/leg-state.ts';

const LIMITS = { probeMs: 50, echoMs: 20, silenceMs: 200, lingerMs: 70 };
const INBOX = new Inbox({ windowBytes: 100, ackBytes: 10, ackDelayMs: 5 });

function born(at = 0): LegState {
  const leg = new LegState(1, LIMITS, at);
  leg.tick(at);
  return leg;
}

function frames(leg: LegState, now: number): number[] {
  const out: Buffer[] = [];
  leg.control(out, INBOX, now);
  return out.map((bytes) => bytes.readUInt8(0));
}

describe('a leg', () => {
  it('measures its round trip from the moment its PROBE found room, once', () => {
    const leg = born();
    leg.echoed(1n, 5);
    expect(leg.rtt.smoothed).toBeUndefined();
    expect(frames(leg, 10)).toEqual([0x20]);
    leg.echoed(2n, 15);
    expect(leg.rtt.smoothed).toBeUndefined();
    leg.echoed(1n, 17);
    leg.echoed(1n, 90);
    expect(leg.rtt.smoothed).toBe(7);
  });

  it('is silent at the time of the echo, not before, and not when it was heard', () => {
    expect([born().tick(19), born().tick(20)]).toEqual([undefined, 'silent']);
    const heard = born();
    heard.heard(19);
    expect([heard.tick(20), heard.tick(50), heard.tick(69), heard.tick(70)]).toEqual([
      undefined,
      undefined,
      undefined,
      'silent',
    ]);
  });

  it('is left alone for longer while it is suspected', () => {
    const leg = born();
    leg.suspect();
    expect([leg.tick(20), leg.tick(199), leg.tick(200)]).toEqual([undefined, undefined, 'silent']);
  });

  it('is waited for, and not probed, once the session is done', () => {
    const leg = born();
    leg.linger(5);
    leg.linger(30);
    expect([leg.deadline, leg.tick(74), leg.tick(75)]).toEqual([75, undefined, 'lingering']);
  });

  it('knows the next time at which something happens', () => {
    const leg = born();
    expect(leg.deadline).toBe(20);
    leg.heard(10);
    expect(leg.deadline).toBe(50);
    leg.tick(50);
    expect(leg.deadline).toBe(70);
    leg.suspect();
    expect(leg.deadline).toBe(100);
  });

  it('keeps one control frame of each kind for as long as there is no room', () => {
    const leg = born();
    for (let count = 0; count < 100; count += 1) {
      leg.oweAck();
      leg.oweEcho(BigInt(count));
      leg.ask();
      leg.oweLeave('relay-0');
    }
    expect(frames(leg, 1)).toEqual([0x03, 0x21, 0x20, 0x30]);
    expect(frames(leg, 1)).toEqual([]);
  });

  it('takes acknowledgements that do not go back', () => {
    const leg = born();
    expect([leg.acks(5), leg.acks(5), leg.acks(4), leg.acks(6)]).toEqual([true, true, false, true]);
  });
});
