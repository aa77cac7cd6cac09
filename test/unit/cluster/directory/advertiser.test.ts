import { describe, expect, it } from 'vitest';
import {
  ADVERT_BATCH_MS,
  ADVERT_BATCH_PER_MEMBER_MS,
  GOSSIP_VALUE_BYTES,
  HEARTBEAT_MS,
  INCARNATION_WAIT_MS,
} from '../../../../src/base/limits.ts';
import { Advertiser } from '../../../../src/cluster/directory/advertiser.ts';
import {
  type ChangesMessage,
  decodeAdvert,
  decodeHeartbeat,
  decodePage,
} from '../../../../src/cluster/directory/codec.ts';
import { keyOf } from '../../../../src/cluster/directory/entries.ts';
import { hash, instance, packed } from '../../../support/directory-messages.ts';

const SELF = { node: 'a', zone: 'west', forward: 'a:7443', software: 'beacon 1', wallMs: 7_000 };

/** Has chosen its incarnation at 0, with nothing to tell. */
function ready(removals = 10, pageEntryBytes?: number): Advertiser {
  const own = new Advertiser(SELF, removals, pageEntryBytes);
  own.choose(0);
  return own;
}

const span = ({ after, upto, changed }: ChangesMessage): number[] => [after, upto, changed];

describe('the incarnation', () => {
  it('is chosen a moment after the first meeting', () => {
    const own = new Advertiser(SELF, 10);
    expect(own.deadlines()).toEqual([undefined, undefined, undefined]);
    own.meet(100);
    own.meet(200);
    expect(own.deadlines()[0]).toBe(100 + INCARNATION_WAIT_MS);
    expect([own.mustChoose(99 + INCARNATION_WAIT_MS), own.mustChoose(100 + INCARNATION_WAIT_MS)]).toEqual([
      false,
      true,
    ]);
    expect(own.choose(400)).toBe(7_000);
    own.meet(500);
    expect(own.mustChoose(1e9)).toBe(false);
  });

  it('comes before any word', () => {
    const own = new Advertiser(SELF, 10);
    own.parked(hash(1), instance(1), 2, 0);
    expect(own.advert(2, 100)).toBeUndefined();
    expect(own.beats(['b'], () => undefined, 100)).toEqual([]);
    expect(own.page({ node: 'b', of: 7_000, after: 0, begun: 0 })).toBeUndefined();
  });

  it('leaves all that was parked before it to pulls', () => {
    const own = new Advertiser(SELF, 10);
    own.parked(hash(1), instance(1), 2, 0);
    own.choose(100);
    expect(own.advert(2, 100)).toBeUndefined();
    own.parked(hash(2), instance(1), 2, 200);
    expect(span(decodeAdvert(own.advert(2, 220) ?? new Uint8Array()))).toEqual([1, 2, 2]);
  });
});

describe('adverts', () => {
  it('wait for company, longer in a larger cluster', () => {
    const small = ready();
    small.parked(hash(1), instance(1), 3, 1_000);
    small.parked(hash(2), instance(1), 3, 1_010);
    expect([small.deadlines()[1], small.mustAdvertise(1_019)]).toEqual([1_000 + ADVERT_BATCH_MS, false]);
    const message = decodeAdvert(small.advert(3, 1_020) ?? new Uint8Array());
    expect(message).toMatchObject({ node: 'a', incarnation: 7_000, after: 0, upto: 2, changed: 2 });
    expect(Buffer.compare(message.packed, packed({ 1: [1], 2: [1] }))).toBe(0);
    expect([small.advert(3, 1_020), small.deadlines()[1]]).toEqual([undefined, undefined]);
    const large = ready();
    large.parked(hash(1), instance(1), 50, 1_000);
    expect(large.deadlines()[1]).toBe(1_000 + 50 * ADVERT_BATCH_PER_MEMBER_MS);
  });

  it('repeat an entry that went and came back meanwhile: who was refused learns of it', () => {
    const own = ready();
    own.parked(hash(1), instance(1), 3, 0);
    own.advert(3, 20);
    own.unparked(hash(1), instance(1), 3, 30);
    own.parked(hash(1), instance(1), 3, 31);
    const message = decodeAdvert(own.advert(3, 50) ?? new Uint8Array());
    expect([span(message), Buffer.compare(message.packed, packed({ 1: [1] }))]).toEqual([[1, 3, 3], 0]);
  });

  it('say nothing where the entry stays as it is', () => {
    const own = ready();
    own.parked(hash(1), instance(1), 3, 0);
    own.advert(3, 20);
    own.parked(hash(1), instance(1), 3, 30);
    own.unparked(hash(1), instance(1), 3, 31);
    expect([own.deadlines()[1], own.journal.sequence]).toEqual([undefined, 1]);
  });

  it('stay below their limit, one at a time', () => {
    const own = ready();
    for (let at = 0; at < 400; at += 1) own.parked(hash(at), instance(1), 3, 0);
    const spans: number[][] = [];
    for (let now = 20; own.deadlines()[1] !== undefined; now += 20) {
      expect(own.deadlines()[1]).toBe(now);
      const bytes = own.advert(3, now) ?? new Uint8Array();
      expect(bytes.length).toBeLessThanOrEqual(GOSSIP_VALUE_BYTES);
      spans.push(span(decodeAdvert(bytes)));
    }
    expect(spans).toEqual([
      [0, 163, 400],
      [163, 326, 400],
      [326, 400, 400],
    ]);
  });

  it('are not made for nobody', () => {
    const own = ready();
    own.parked(hash(1), instance(1), 1, 0);
    expect(own.advert(1, 20)).toBeUndefined();
    own.parked(hash(2), instance(1), 2, 30);
    expect(span(decodeAdvert(own.advert(2, 50) ?? new Uint8Array()))).toEqual([1, 2, 2]);
  });

  it('are left to pulls where a removal was forgotten before it was told', () => {
    const own = ready(1);
    for (const at of [1, 2]) own.parked(hash(at), instance(1), 3, 0);
    for (const at of [1, 2]) own.unparked(hash(at), instance(1), 3, 1);
    expect(own.advert(3, 20)).toBeUndefined();
    own.parked(hash(3), instance(1), 3, 30);
    expect(span(decodeAdvert(own.advert(3, 50) ?? new Uint8Array()))).toEqual([4, 5, 5]);
  });
});

describe('heartbeats', () => {
  it('state where the node stands, each with a sequence of its own', () => {
    const own = ready();
    own.parked(hash(1), instance(1), 3, 0);
    own.load = 12;
    own.draining = true;
    own.advert(3, 20);
    const you = { incarnation: 5, heardMs: 40 };
    const beats = own.beats(['b', 'c'], (node) => (node === 'b' ? you : undefined), 20);
    expect(beats.map(({ to }) => to)).toEqual(['b', 'c']);
    const [first, second] = beats.map(({ bytes }) => decodeHeartbeat(bytes));
    expect(first).toEqual({
      node: 'a',
      incarnation: 7_000,
      sequence: 2,
      changed: 1,
      count: 1,
      digest: own.journal.digest,
      draining: true,
      load: 12,
      forward: 'a:7443',
      zone: 'west',
      software: 'beacon 1',
      you,
    });
    expect(second).toEqual({ ...first, you: undefined });
    const [again] = own.beats(['b'], () => undefined, 30);
    expect(decodeHeartbeat(again?.bytes ?? new Uint8Array())).toMatchObject({ sequence: 3, changed: 1 });
  });

  it('come each second, and others between them do not delay them', () => {
    const own = ready();
    own.beats([], () => undefined, 100);
    expect(own.deadlines()[2]).toBe(100 + HEARTBEAT_MS);
    own.beats([], () => undefined, 600);
    expect([own.deadlines()[2], own.mustBeat(99 + HEARTBEAT_MS)]).toEqual([100 + HEARTBEAT_MS, false]);
    own.beats([], () => undefined, 100 + HEARTBEAT_MS);
    expect(own.deadlines()[2]).toBe(100 + 2 * HEARTBEAT_MS);
  });

  it('leave what is still untold to pulls', () => {
    const own = ready();
    for (let at = 0; at < 400; at += 1) own.parked(hash(at), instance(1), 3, 0);
    own.advert(3, 20);
    own.beats(['b'], () => undefined, 20);
    expect(own.advert(3, 40)).toBeUndefined();
  });
});

describe('pages', () => {
  it('go on from where the asker is, or begin anew', () => {
    const own = ready(10, 2 * 49);
    for (const at of [1, 2, 3]) own.parked(hash(at), instance(1), 3, 0);
    const page = (of: number, after: number): number[] =>
      span(decodePage(own.page({ node: 'b', of, after, begun: after }) ?? new Uint8Array()));
    expect(page(7_000, 0)).toEqual([0, 2, 3]);
    expect(page(7_000, 2)).toEqual([2, 3, 3]);
    expect(page(7_000, 9)).toEqual([0, 2, 3]);
    expect(page(6_999, 2)).toEqual([0, 2, 3]);
    expect(own.journal.get(keyOf(hash(1)))).toBeDefined();
  });
});
