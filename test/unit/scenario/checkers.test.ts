/** Each checker is silent on a run in which all is well, and speaks on each kind of bad one. */
import { describe, expect, it } from 'vitest';
import type { Event, Happening, History } from '../../scenario/history.ts';
import { CHECKERS, judge } from '../../scenario/judge.ts';
import { changed, goodRun, MADE_UP, paired, UNTIL_MS, viewAt, withMore } from '../../support/made-up-run.ts';

type Timed = Happening & { readonly ms: number };
type Case = readonly [name: string, history: History, text: RegExp];

const isOfOne = (event: Event): boolean => 'stream' in event && event.stream === 1;

/** Stream 1 without what comes after `last`, and then `more`. */
function streamUpTo(last: (event: Event) => boolean, ...more: readonly Timed[]): History {
  const events = goodRun().filter(isOfOne);
  const cut = events.slice(0, events.findIndex(last) + 1);
  return [...goodRun().filter((event) => !isOfOne(event)), ...cut, ...more].sort((a, b) => a.ms - b.ms);
}

const isEnd = (side: string) => (event: Event) => event.what === 'end' && event.side === side;
const isServed = (event: Event): boolean => event.what === 'served';
const replaced = (what: Event['what'], change: (event: Event) => Event | readonly Event[]): History =>
  changed((event) => (event.what === what ? change(event) : event));
const failed = (ms: number, side: 'client' | 'store', code = 'reset'): Timed => ({
  what: 'failed',
  stream: 1,
  side,
  code,
  ms,
});
const asked = (ms: number, more: object = {}): Timed => ({
  what: 'asked',
  attempt: 2,
  broker: 'broker-0',
  infoHash: 'aa',
  node: 'relay-0',
  ...more,
  ms,
});
const refused = (ms: number, code: string): Timed => ({ what: 'refused', attempt: 2, code, ms });
const pairedAt = (ms: number, ...of: Parameters<typeof paired>): Timed => ({ ...paired(...of), ms });

const tunnelAt = (ms: number, paths: readonly (readonly string[])[], disjoint: boolean): Timed => ({
  what: 'tunnel',
  broker: 'broker-0',
  instance: 'i0',
  paths,
  disjoint,
  ms,
});

const CASES: Readonly<Record<string, readonly Case[]>> = {
  streams: [
    [
      'a wrong byte',
      replaced('read', (event) => ({ ...event, wrongAt: 5 }) as Event),
      /stream 1, store: a wrong byte at 5/,
    ],
    [
      'lost bytes',
      changed((event) => (event.what === 'read' && event.side === 'client' && event.from === 0 ? [] : event)),
      /bytes from 200 on where those from 0 on were due/,
    ],
    [
      'bytes twice',
      replaced('read', (event) => [event, event]),
      /bytes from 0 on where those from 10 on were due/,
    ],
    [
      'more than was written',
      replaced('read', (event) => ({ ...event, bytes: 301 }) as Event),
      /301 bytes read of 10 written/,
    ],
    [
      'a clean end on truncated data',
      changed((event) => (event.what === 'read' && event.from === 200 ? [] : event)),
      /client: a clean end after 200 of 300 bytes/,
    ],
    [
      'a clean end where the other side has not ended',
      changed((event) => (event.what === 'finished' && event.side === 'store' ? [] : event)),
      /client: a clean end after 300 bytes of a writer that had not ended/,
    ],
    [
      'bytes after the end',
      changed((event) =>
        isEnd('client')(event)
          ? [event, { what: 'read', stream: 1, side: 'client', from: 300, bytes: 1, ms: event.ms }]
          : event,
      ),
      /bytes after the end/,
    ],
    ['a second end', replaced('end', (event) => [event, event]), /a second end/],
    ['anything after an error', withMore(failed(2_035, 'client')), /'read' after it was broken off/],
    [
      'an error at one end only',
      streamUpTo(isServed, failed(2_100, 'client')),
      /store: opened at 2000 ms and never over; the other end had failed/,
    ],
    ['a stream that hangs', streamUpTo(isServed), /client: opened at 2000 ms and never over/],
    [
      'an end that is never told',
      streamUpTo(isEnd('client'), failed(UNTIL_MS + 5, 'store')),
      /store: opened at 2000 ms and never over/,
    ],
    ['a stream that is served twice', replaced('served', (event) => [event, event]), /served twice/],
    ['a stream that nobody opened', replaced('opened', () => []), /served twice, or before it was opened/],
    ['a stream that is opened twice', replaced('opened', (event) => [event, event]), /opened twice/],
  ],
  survival: [
    [
      'an error though both ends live',
      streamUpTo(isServed, failed(2_100, 'client'), failed(2_100, 'store')),
      /served by bridge-0, failed at its client \(reset\)/,
    ],
    [
      'an error because a relay died',
      streamUpTo(isServed, failed(5_100, 'client'), failed(5_100, 'store')),
      /failed at its client/,
    ],
    [
      'a stream that is not served though nothing is wrong',
      withMore({ what: 'opened', stream: 2, broker: 'broker-0', infoHash: 'aa', ms: 60_000 }, {
        ...failed(70_000, 'client', 'noTunnel'),
        stream: 2,
      } as Timed),
      /stream 2 .* never served, failed at its client \(noTunnel\)/,
    ],
  ],
  rightBridge: [
    [
      'another info_hash',
      withMore(asked(50_000), pairedAt(50_010, 2, ['relay-0'], 'bridge-1', 'bb')),
      /asked for aa, was joined with bridge-1 of bb/,
    ],
    [
      'another bridge than the one wanted',
      withMore(asked(50_000, { wanted: 'i9' }), pairedAt(50_010, 2, ['relay-0', 'relay-1'])),
      /wanted instance i9/,
    ],
    [
      'a bridge that is left out',
      withMore(asked(50_000, { except: ['i0'] }), pairedAt(50_010, 2, ['relay-0', 'relay-1'])),
      /which it had left out/,
    ],
    [
      'a node to be avoided',
      withMore(asked(50_000, { avoid: ['relay-1'] }), pairedAt(50_010, 2, ['relay-0', 'relay-1'])),
      /crosses relay-1, to be avoided/,
    ],
    [
      'a path over three nodes',
      withMore(asked(50_000), pairedAt(50_010, 2, ['relay-0', 'relay-2', 'relay-1'])),
      /has the path relay-0 - relay-2 - relay-1/,
    ],
    [
      'a path from elsewhere',
      withMore(asked(50_000), pairedAt(50_010, 2, ['relay-1'])),
      /asked at relay-0, has the path relay-1/,
    ],
    [
      'a park that is not there',
      withMore(asked(15_000), pairedAt(15_010, 2, ['relay-0', 'relay-2'])),
      /at relay-2, where that was not parked/,
    ],
    [
      'two outcomes',
      withMore(pairedAt(800, 1, ['relay-0', 'relay-1'])),
      /attempt 1 was paired without having asked, or once more/,
    ],
    [
      'a stream that comes out elsewhere',
      replaced('served', (event) => ({ ...event, infoHash: 'bb' }) as Event),
      /came out at bridge-0 of bb/,
    ],
  ],
  pairing: [
    [
      'a broker that waits beside a park',
      withMore(asked(50_000), pairedAt(54_000, 2, ['relay-0', 'relay-1'])),
      /waited for 4000 ms while bridge-0 was parked at relay-1/,
    ],
    ['a broker that waits for ever', withMore(asked(50_000)), /waited for 30000 ms/],
    [
      'none is known, and one is parked',
      withMore(asked(50_000), refused(50_020, 'noBridge')),
      /refused 'noBridge' .* not so/,
    ],
    ['avoided, and not to be avoided', withMore(asked(50_000), refused(50_010, 'avoided')), /'avoided'/],
    ['draining, and it is not', withMore(asked(50_000), refused(50_010, 'draining')), /'draining'/],
    [
      'a holder that can be reached',
      withMore(asked(50_000), refused(50_010, 'holderUnreachable')),
      /'holderUnreachable'/,
    ],
    ['too slow, and nothing was', withMore(asked(50_000), refused(50_010, 'timeout')), /'timeout'/],
    ['too often, and it was not', withMore(asked(50_000), refused(50_010, 'rateLimit')), /'rateLimit'/],
    ['too many, and they were not', withMore(asked(50_000), refused(50_010, 'tooMany')), /'tooMany'/],
    ['a good proof', withMore(asked(50_000), refused(50_010, 'proofInvalid')), /'proofInvalid'/],
  ],
  parking: [
    [
      'a bridge that is parked nowhere',
      replaced('parked', (event) => (event.what === 'parked' && event.bridge === 'bridge-1' ? [] : event)),
      /bridge-1 is parked nowhere/,
    ],
    [
      'a bridge that is parked on one node',
      replaced('parked', (event) => (event.what === 'parked' && event.node === 'relay-2' ? [] : event)),
      /bridge-0 is parked at relay-1 only/,
    ],
  ],
  redundancy: [
    [
      'legs that share a node and are said not to',
      withMore(tunnelAt(30_000, [['relay-0', 'relay-1'], ['relay-1']], true)),
      /says that no node can take its tunnel .* relay-0 - relay-1 and relay-1/,
    ],
  ],
  directory: [
    [
      'a dead process is known for more than 1 s',
      withMore(viewAt(6_500, 'relay-0', 1)),
      /relay-0 still knows relay-2, which died 1500 ms ago: 1000 ms/,
    ],
    [
      'a dead holder is named',
      replaced('directory', (event) => ({ ...event, holders: { aa: ['relay-1', 'relay-9'] } }) as Event),
      /names relay-9 as a holder/,
    ],
    [
      'a live node is not known',
      withMore(viewAt(61_000, 'relay-1', 0), viewAt(62_000, 'relay-1', 0)),
      /knows relay-0#1, relay-1#1 where relay-0#1, relay-1#1, relay-2#3 live/,
    ],
    [
      'another incarnation is known',
      withMore(viewAt(61_000, 'relay-1', 2), viewAt(62_000, 'relay-1', 2)),
      /relay-2#2 where/,
    ],
    [
      'a park is not known',
      replaced('directory', (event) => ({ ...event, holders: { bb: ['relay-0'] } }) as Event),
      /does not know that aa is parked at relay-1/,
    ],
    [
      'a park is known that is not there',
      replaced(
        'directory',
        (event) => ({ ...event, holders: { aa: ['relay-0', 'relay-1'], bb: ['relay-0'] } }) as Event,
      ),
      /names relay-0 as a holder of aa/,
    ],
  ],
  incarnations: [
    [
      'a dead one returns',
      withMore(viewAt(9_000, 'relay-0', 1), viewAt(4_000, 'relay-0', 1)),
      /relay-0 knows relay-2 1 again/,
    ],
    [
      'an older one follows a younger one',
      withMore(viewAt(61_000, 'relay-0', 1)),
      /relay-0 knows relay-2 1 again/,
    ],
    [
      'one is used twice',
      replaced('up', (event) => ({ ...event, incarnation: 1 }) as Event),
      /relay-2 began with incarnation 1 after 1/,
    ],
  ],
  limits: [
    [
      'more than the scenario allows',
      replaced('level', (event) => ({ ...event, value: 5 }) as Event),
      /relay-0: slots are 5, where 4/,
    ],
    [
      'more than is documented',
      replaced('level', (event) => ({ ...event, value: 1_001, most: 9_999 }) as Event),
      /slots are 1001, where 1000/,
    ],
    ['less than none', replaced('level', (event) => ({ ...event, value: -1 }) as Event), /slots are -1/],
  ],
  base: [
    [
      'a slot is not given back',
      replaced('held', (event) => ({ ...event, value: 1 }) as Event),
      /relay-0 still holds 1 slots/,
    ],
  ],
  complete: [
    ['no calm', replaced('calm', () => []), /calm never came/],
    [
      'a stream is missing',
      changed((event) => ('stream' in event ? [] : event)),
      /stream 1 was never opened/,
    ],
    ['a fault is missing', replaced('fault', () => []), /fault 0, kill, never happened/],
    [
      'nobody looked at a directory',
      changed((event) => (event.what === 'directory' && event.node === 'relay-1' ? [] : event)),
      /the directory of relay-1/,
    ],
    ['nobody looked at what was left', replaced('held', () => []), /what relay-0 still held/],
    ['not one stream ended well', changed((event) => (event.what === 'end' ? [] : event)), /not one stream/],
    ['nobody looked at limits', replaced('level', () => []), /no level/],
  ],
};

describe('a run in which all is well', () => {
  it('is judged so by all checkers', () => {
    expect(judge(goodRun(), MADE_UP)).toEqual([]);
    expect(Object.keys(CASES)).toHaveLength(CHECKERS.length);
  });
});

describe.each(Object.entries(CASES))('%s finds', (checker, cases) => {
  it.each(cases)('%s', (_, history, text) => {
    const found = judge(history, MADE_UP).filter((violation) => violation.checker === checker);
    expect(found.map((violation) => violation.text).join('\n')).toMatch(text);
  });
});

const GOOD: readonly (readonly [string, History])[] = [
  [
    'a client that breaks off',
    streamUpTo(isServed, { what: 'aborted', stream: 1, side: 'client', ms: 2_100 }, failed(2_150, 'store')),
  ],
  [
    'a broker that waits where no bridge is parked',
    withMore(asked(50_000, { infoHash: 'cc' }), refused(60_000, 'noBridge')),
  ],
  [
    'a broker that takes no bridge there is',
    withMore(asked(50_000, { except: ['i0'] }), refused(60_000, 'noBridge')),
  ],
  ['a node to be avoided', withMore(asked(50_000, { avoid: ['relay-0'] }), refused(50_010, 'avoided'))],
  ['a holder that has just died', withMore(asked(5_100), refused(7_100, 'holderUnreachable'))],
  [
    'a node whose slots are all taken',
    withMore(
      { what: 'level', of: 'slots', at: 'relay-0', value: 4, most: 4, ms: 49_000 },
      asked(50_000),
      pairedAt(59_000, 2, ['relay-0', 'relay-1']),
    ),
  ],
  [
    'a node that is not known for a moment',
    withMore(viewAt(61_000, 'relay-1', 0), viewAt(62_000, 'relay-1')),
  ],
  [
    'a process that is heard again just before it dies',
    withMore(viewAt(3_500, 'relay-0', 1), viewAt(4_500, 'relay-0', 0), viewAt(5_500, 'relay-0', 1)),
  ],
  ['a dead process within the bound', withMore(viewAt(5_900, 'relay-0', 1))],
];

describe('no checker has anything against', () => {
  it.each(GOOD)('%s', (_, history) => {
    expect(judge(history, MADE_UP)).toEqual([]);
  });

  it('a stream that fails because its bridge was killed', () => {
    const kill = { kind: 'kill', place: { bridge: 0 }, atMs: 2_050, forMs: 1_000 } as const;
    const scenario = { ...MADE_UP, faults: [...MADE_UP.faults, kill] };
    const history = streamUpTo(
      isServed,
      { what: 'fault', fault: 1, on: true, ms: 2_050 },
      failed(2_060, 'client'),
      failed(2_060, 'store'),
      { what: 'fault', fault: 1, on: false, ms: 3_050 },
    );
    expect(judge(history, scenario)).toEqual([]);
  });
});
