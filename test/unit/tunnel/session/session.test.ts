import { describe, expect, it } from 'vitest';
import {
  INNER_HANDSHAKE_TIMEOUT_MS,
  SESSION_ACK_DELAY_MS,
  SESSION_DANGLING_MS,
  SESSION_ECHO_MS,
  SESSION_LEGS,
  SESSION_PROBE_MS,
  SESSION_SILENCE_MS,
  SESSION_SUSPECT_MAX_MS,
  SESSION_SUSPECT_MIN_MS,
  SESSION_WINDOW_BYTES as WINDOW,
} from '../../../../src/base/limits.ts';
import { Session } from '../../../../src/tunnel/session/session.ts';
import { OneSession, twoLegs } from '../../../support/one-session.ts';

describe('a leg', () => {
  it('is asked and told what we have when it attaches', () => {
    const one = new OneSession();
    one.data(1, 0, 'abc');
    one.attach(2);
    expect(one.said(2)).toEqual([`ack 3 ${WINDOW}`, 'probe 1']);
    expect(one.said(2)).toEqual([]);
  });

  it('carries our bytes if it is the first, and is warm if it is the second', () => {
    const one = twoLegs();
    one.write('hello');
    expect(one.said(2)).toEqual([]);
    expect(one.said(1)).toEqual(['data 0 hello']);
  });

  it('is probed by the interval, whether there is traffic or not', () => {
    const one = twoLegs();
    const times: number[] = [];
    for (let count = 0; count < 3; count += 1) {
      while (!one.said(2).some((said) => said.startsWith('probe'))) one.passAlive(1, [1]);
      times.push(one.now);
      one.frame(2, { type: 'probe', token: 9n });
      expect(one.said(2)).toEqual([`ack 0 ${WINDOW}`, 'echo 9']);
    }
    expect(times).toEqual([1, 2, 3].map((count) => 10 + count * SESSION_PROBE_MS));
  });

  it('is dropped when nothing comes for the time of an echo', () => {
    const one = twoLegs();
    one.passAlive(10 + SESSION_PROBE_MS + SESSION_ECHO_MS - 1 - one.now, [1]);
    expect(one.took()).toEqual([]);
    one.pass(1);
    expect(one.took()).toEqual(['drop 2 silent']);
  });

  it('lives by any frame, as an echo may stand behind much else', () => {
    const one = twoLegs();
    for (let count = 0; count < 30; count += 1) {
      one.pass(1_000);
      one.answer(1);
      one.frame(2, { type: 'ack', offset: 0, limit: WINDOW });
    }
    expect(one.took()).toEqual([]);
  });

  it('answers the latest PROBE when several came before there was room', () => {
    const one = twoLegs();
    for (const token of [3n, 4n, 5n]) one.frame(1, { type: 'probe', token });
    expect(one.said(1)).toEqual([`ack 0 ${WINDOW}`, 'echo 5']);
  });

  it('takes the place of the most silent when there are too many', () => {
    const one = twoLegs();
    for (let leg = 3; leg <= SESSION_LEGS; leg += 1) one.attach(leg);
    expect(one.took()).toEqual([]);
    one.attach(SESSION_LEGS + 1);
    expect(one.took()).toEqual(['drop 1 crowded', 'move 2 lost']);
    expect(one.session.stats(one.now).legs).toHaveLength(SESSION_LEGS);
  });

  it('that the session does not know changes nothing', () => {
    const one = twoLegs();
    one.data(7, 0, 'abc');
    one.step({ on: 'lost', leg: 7, clean: false });
    expect([one.took(), one.delivered.toString(), one.said(7)]).toEqual([[], '', []]);
  });

  it('hears of LEAVE, from the bridge to the broker', () => {
    const bridge = twoLegs('bridge');
    bridge.step({ on: 'leave', leg: 2, node: 'relay-0' });
    expect(bridge.said(2)).toEqual(['leave relay-0']);
    const broker = twoLegs('broker');
    broker.frame(2, { type: 'leave', node: 'relay-0' });
    expect(broker.took()).toEqual(['leave relay-0']);
    bridge.frame(2, { type: 'leave', node: 'relay-0' });
    expect(bridge.took()).toEqual(['drop 2 illegal']);
  });
});

describe('when a leg is lost', () => {
  it('sending goes on at once on the other, from what is acknowledged', () => {
    const one = twoLegs();
    one.write('hello world');
    one.said(1);
    one.frame(1, { type: 'ack', offset: 6, limit: WINDOW });
    one.step({ on: 'lost', leg: 1, clean: false });
    expect(one.took()).toEqual(['move 2 lost']);
    expect(one.said(2)).toEqual([`ack 0 ${WINDOW}`, 'data 6 world']);
    expect(one.session.stats(one.now)).toMatchObject({ failovers: 1, replayedBytes: 5 });
  });

  it('the other leg says what the lost one may not have said', () => {
    const one = twoLegs();
    one.data(1, 0, 'abc');
    one.pass(SESSION_ACK_DELAY_MS);
    expect(one.said(1)).toEqual([`ack 3 ${WINDOW}`]);
    one.step({ on: 'lost', leg: 1, clean: true });
    expect(one.said(2)).toEqual([`ack 3 ${WINDOW}`]);
  });

  it('the quickest of the others is taken', () => {
    const one = twoLegs();
    one.attach(3);
    one.said(3);
    one.now += 15;
    one.frame(3, { type: 'echo', token: 1n });
    one.step({ on: 'lost', leg: 1, clean: false });
    expect(one.took()).toEqual(['move 3 lost']);
  });

  it('and it was the last, the session waits, and goes on with the next', () => {
    const one = new OneSession();
    one.write('abc');
    one.said(1);
    one.step({ on: 'lost', leg: 1, clean: false });
    one.write('def');
    expect(one.took()).toEqual(['dangling']);
    one.pass(SESSION_DANGLING_MS - 1);
    one.attach(2, 2, 0);
    expect(one.took()).toEqual(['move 2 lost']);
    expect(one.said(2)).toEqual([`ack 0 ${WINDOW}`, 'probe 1', 'data 2 cdef']);
  });

  it('and none comes in time, the session fails', () => {
    const one = new OneSession();
    one.step({ on: 'lost', leg: 1, clean: true });
    one.pass(SESSION_DANGLING_MS - 1);
    expect(one.took()).toEqual(['dangling']);
    one.pass(1);
    expect(one.took()).toEqual(['fail closed: no leg could be attached in time; its streams are aborted']);
    expect([one.session.state, one.session.deadline()]).toEqual(['failed', undefined]);
  });
});

describe('before the first inner handshake is over', () => {
  it('a lost leg fails the session', () => {
    const session = new Session('bridge', 0);
    session.step({ on: 'attach', leg: 1, offset: 0, floor: 0 }, 0);
    expect(session.step({ on: 'lost', leg: 1, clean: false }, 1)).toMatchObject([{ do: 'fail' }]);
  });

  it('no second leg attaches', () => {
    const session = new Session('bridge', 0);
    session.step({ on: 'attach', leg: 1, offset: 0, floor: 0 }, 0);
    expect(session.established).toBe(false);
    const effects = session.step({ on: 'attach', leg: 2, offset: 0, floor: 0 }, 1);
    expect(effects).toEqual([{ do: 'drop', leg: 2, reason: 'early' }]);
  });

  it('only so much time may pass', () => {
    const session = new Session('bridge', 0);
    session.step({ on: 'attach', leg: 1, offset: 0, floor: 0 }, 0);
    session.step({ on: 'data', leg: 1, offset: 0, bytes: Buffer.from('x') }, INNER_HANDSHAKE_TIMEOUT_MS - 1);
    expect(session.step({ on: 'tick' }, INNER_HANDSHAKE_TIMEOUT_MS - 1)).toEqual([]);
    expect(session.step({ on: 'tick' }, INNER_HANDSHAKE_TIMEOUT_MS)).toMatchObject([
      { do: 'fail', error: { code: 'timeout' } },
    ]);
  });
});

describe('a black hole', () => {
  it('moves traffic after the shortest time that counts, asks every leg, and drops none', () => {
    const one = twoLegs();
    one.write('hello');
    one.said(1);
    one.pass(SESSION_SUSPECT_MIN_MS - 1);
    expect(one.took()).toEqual([]);
    one.pass(1);
    expect(one.took()).toEqual(['suspect 1', 'move 2 stalled']);
    expect(one.said(2)).toEqual(['probe 2', 'data 0 hello']);
    expect(one.said(1)).toEqual(['probe 2']);
  });

  it('waits for three round trips where they are longer', () => {
    const one = new OneSession();
    one.now = 400;
    one.frame(1, { type: 'echo', token: 1n });
    one.attach(2);
    one.took();
    one.write('hello');
    one.pass(1_199);
    expect(one.took()).toEqual([]);
    one.pass(1);
    expect(one.took()).toEqual(['suspect 1', 'move 2 stalled']);
  });

  it('is noticed within the upper bound while no round trip is known, also with bytes that found no room', () => {
    const one = new OneSession();
    one.attach(2);
    one.took();
    one.write('hello');
    one.pass(SESSION_SUSPECT_MAX_MS);
    expect(one.took().slice(0, 2)).toEqual(['drop 1 silent', 'move 2 lost']);
  });

  it('closes the suspected leg after a long silence, and clears it by any frame', () => {
    const one = twoLegs();
    one.write('hello');
    one.passAlive(SESSION_SUSPECT_MIN_MS, [2]);
    one.frame(2, { type: 'ack', offset: 0, limit: WINDOW });
    expect(one.session.stats(one.now).legs.map(({ suspected }) => suspected)).toEqual([true, false]);
    one.said(2);
    one.frame(2, { type: 'ack', offset: 5, limit: WINDOW });
    one.passAlive(10 + SESSION_SILENCE_MS - 1 - one.now, [2]);
    expect(one.took()).toEqual(['suspect 1', 'move 2 stalled', 'resumed 300']);
    one.pass(1);
    expect(one.took()).toEqual(['drop 1 silent']);

    const other = twoLegs();
    other.write('hello');
    other.passAlive(SESSION_SUSPECT_MIN_MS, [2]);
    other.frame(1, { type: 'ack', offset: 0, limit: WINDOW });
    expect(other.session.stats(other.now).legs.map(({ suspected }) => suspected)).toEqual([false, false]);
  });

  it('of both legs moves nothing but asks, each time after twice the time', () => {
    const one = twoLegs();
    one.write('hello');
    const asked: number[] = [];
    for (let count = 0; count < 4_000; count += 1) {
      one.pass(1);
      if (one.said(1).some((said) => said.startsWith('probe'))) asked.push(one.now - 30);
    }
    expect(one.took()).toEqual(['suspect 1', 'move 2 stalled', 'suspect 2']);
    expect(asked).toEqual([300, 900, 2_100]);
  });

  it('of the only leg is left for the next one at once', () => {
    const one = new OneSession();
    one.now = 10;
    one.frame(1, { type: 'echo', token: 1n });
    one.write('hello');
    one.said(1);
    one.pass(SESSION_SUSPECT_MIN_MS);
    expect(one.took()).toEqual(['suspect 1']);
    one.attach(2, 0, 0);
    expect(one.took()).toEqual(['move 2 stalled']);
    expect(one.said(2)).toContain('data 0 hello');
  });

  it('is no reader that does not keep up', () => {
    const one = twoLegs();
    one.write(Buffer.alloc(WINDOW + 5));
    one.said(1, 2 * WINDOW);
    one.frame(1, { type: 'ack', offset: WINDOW, limit: WINDOW });
    expect(one.took()).toEqual(['room']);
    one.passAlive(60_000, [1, 2]);
    expect(one.took()).toEqual([]);
    expect(one.said(1)).toEqual([]);
    one.frame(1, { type: 'ack', offset: WINDOW, limit: WINDOW + 4 });
    expect(one.said(1)).toEqual([`data ${WINDOW} \0\0\0\0`]);
  });
});
