/** One session, step by step: its bytes, acknowledgements and ends, and both sides of each limit. */
import { AssertionError } from 'node:assert';
import { describe, expect, it } from 'vitest';
import { BeaconError } from '../../../../src/base/errors.ts';
import {
  LEG_LINGER_MS,
  SESSION_ACK_BYTES,
  SESSION_ACK_DELAY_MS,
  SESSION_DANGLING_MS,
  SESSION_SILENCE_MS,
  SESSION_WINDOW_BYTES as WINDOW,
} from '../../../../src/base/limits.ts';
import { OneSession, twoLegs } from '../../../support/one-session.ts';

describe('acknowledgements', () => {
  it('go out on the leg that brought the latest bytes, not on the own active one', () => {
    const one = twoLegs();
    one.data(2, 0, 'abc');
    one.pass(SESSION_ACK_DELAY_MS - 1);
    expect(one.said(2)).toEqual([]);
    one.pass(1);
    expect([one.said(1), one.said(2)]).toEqual([[], [`ack 3 ${WINDOW}`]]);
  });

  it('go out at once after so many bytes', () => {
    const one = twoLegs();
    one.data(1, 0, Buffer.alloc(SESSION_ACK_BYTES - 1));
    expect(one.said(1)).toEqual([]);
    one.data(1, SESSION_ACK_BYTES - 1, 'x');
    expect(one.said(1)).toEqual([`ack ${SESSION_ACK_BYTES} ${WINDOW}`]);
  });

  it('are repeated for bytes that come again, on the leg that brought them', () => {
    const one = twoLegs();
    one.data(1, 0, 'abc');
    one.pass(SESSION_ACK_DELAY_MS);
    one.said(1);
    one.data(2, 0, 'ab');
    one.pass(SESSION_ACK_DELAY_MS);
    expect([one.said(1), one.said(2)]).toEqual([[], [`ack 3 ${WINDOW}`]]);
    expect(one.delivered.toString()).toBe('abc');
  });

  it('tell how far the reader is once the other end might have to wait', () => {
    const one = twoLegs();
    one.data(1, 0, Buffer.alloc(WINDOW));
    one.said(1);
    one.pass(SESSION_ACK_DELAY_MS);
    expect(one.said(1)).toEqual([]);
    one.step({ on: 'consumed', total: 1_000 });
    one.pass(SESSION_ACK_DELAY_MS);
    expect(one.said(1)).toEqual([`ack ${WINDOW} ${WINDOW + 1_000}`]);
    one.step({ on: 'consumed', total: WINDOW });
    expect(one.said(1)).toEqual([`ack ${WINDOW} ${2 * WINDOW}`]);
  });

  it('that are older than what another leg said are no news', () => {
    const one = twoLegs();
    one.write('hello');
    one.said(1);
    one.frame(1, { type: 'ack', offset: 5, limit: WINDOW });
    one.frame(2, { type: 'ack', offset: 3, limit: WINDOW });
    expect([one.took(), one.session.acked]).toEqual([[], 5]);
  });

  it('make room for what waits', () => {
    const one = twoLegs();
    one.write(Buffer.alloc(WINDOW - 1));
    expect(one.session.room).toBe(true);
    one.write('x');
    expect(one.session.room).toBe(false);
    one.said(1, 2 * WINDOW);
    one.frame(1, { type: 'ack', offset: 1, limit: WINDOW });
    expect(one.took()).toEqual(['room']);
    one.frame(1, { type: 'ack', offset: 2, limit: WINDOW });
    expect(one.took()).toEqual([]);
  });

  it('cost, with the headers of DATA, less than a percent', () => {
    const [one, two] = [new OneSession('broker'), new OneSession('bridge')];
    one.write(Buffer.alloc(WINDOW));
    const bytes = [...one.session.next(1, 2 * WINDOW, 0)].reduce((sum, { length }) => sum + length, 0);
    let acks = 0;
    for (let at = 0; at < WINDOW; at += 16_384) {
      two.data(1, at, Buffer.alloc(16_384));
      two.step({ on: 'consumed', total: at + 16_384 });
      acks += two.session.next(1, 1_000, 0).reduce((sum, { length }) => sum + length, 0);
    }
    expect(acks).toBeGreaterThan(0);
    expect((bytes + acks - WINDOW) / WINDOW).toBeLessThan(0.001);
  });
});

describe('an end', () => {
  /** Our end said `abc` and its end; the other end said nothing but its end. */
  function done(): OneSession {
    const one = twoLegs();
    one.write('abc');
    one.step({ on: 'end' });
    expect(one.said(1)).toEqual(['data 0 abc', 'close 3']);
    one.frame(2, { type: 'close', offset: 0 });
    expect(one.took()).toEqual(['ended']);
    expect(one.said(2)).toEqual([`ack 1 ${WINDOW}`]);
    one.frame(1, { type: 'ack', offset: 3, limit: WINDOW });
    expect(one.took()).toEqual([]);
    one.frame(1, { type: 'ack', offset: 4, limit: WINDOW });
    return one;
  }

  it('of both directions, once ours is acknowledged, is told on every leg', () => {
    const one = done();
    expect(one.took()).toEqual(['done']);
    expect([one.said(1), one.said(2)]).toEqual([[`ack 1 ${WINDOW}`], [`ack 1 ${WINDOW}`]]);
  });

  it('is over when the other end has ended its legs', () => {
    const one = done();
    one.took();
    one.step({ on: 'lost', leg: 1, clean: true });
    expect(one.took()).toEqual([]);
    one.step({ on: 'lost', leg: 2, clean: false });
    expect(one.took()).toEqual(['over']);
    expect([one.session.state, one.session.deadline()]).toEqual(['over', undefined]);
  });

  it('waits for the other end where all legs were cut, as that may not know it yet', () => {
    const one = done();
    one.took();
    for (const leg of [1, 2]) one.step({ on: 'lost', leg, clean: false });
    expect(one.took()).toEqual(['dangling']);
    one.attach(3, 4, 0);
    expect(one.said(3)).toContain(`ack 1 ${WINDOW}`);
    one.step({ on: 'lost', leg: 3, clean: true });
    expect(one.took()).toContain('over');
  });

  it('is over in the end, whatever the other end does', () => {
    const one = done();
    one.took();
    one.pass(LEG_LINGER_MS - 1);
    expect(one.took()).toEqual([]);
    one.pass(1);
    expect(one.took()).toEqual(['drop 1 lingering', 'drop 2 lingering', 'dangling']);
    one.attach(3, 4, 4);
    one.pass(SESSION_DANGLING_MS + SESSION_SILENCE_MS - LEG_LINGER_MS - 1);
    expect(one.took()).toEqual(['drop 3 lingering', 'dangling']);
    one.pass(1);
    expect(one.took()).toEqual(['over']);
  });

  it('of our direction lets the other one go on', () => {
    const one = twoLegs();
    one.step({ on: 'end' });
    one.said(1);
    one.frame(1, { type: 'ack', offset: 1, limit: WINDOW });
    one.data(1, 0, 'still here');
    expect(one.delivered.toString()).toBe('still here');
    expect(one.session.state).toBe('open');
    expect(() => one.write('x')).toThrow(AssertionError);
  });

  it('by abort is none', () => {
    const one = twoLegs();
    one.write('abc');
    one.step({ on: 'abort', error: new BeaconError('internal', 'enough') });
    expect(one.took()).toEqual(['fail internal: enough']);
    expect([one.said(1), one.session.deadline()]).toEqual([[], undefined]);
    expect(one.session.stats(one.now).unacknowledgedBytes).toBe(0);
    one.data(1, 0, 'abc');
    expect([one.took(), one.delivered.length]).toEqual([[], 0]);
  });
});
