import { expect, it, onTestFinished } from 'vitest';
import { STALL_TIMEOUT_MS } from '../../../src/base/limits.ts';
import { Splices } from '../../../src/relay/splices.ts';
import { checkLeaks } from '../../support/leaks.ts';
import { ManualClock, settle } from '../../support/manual-clock.ts';
import { type MemoryLink, memoryLinks } from '../../support/memory-link.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { watch, writeUntilStuck } from '../../support/streams.ts';

checkLeaks();

function setUp() {
  const clock = new ManualClock();
  const { log, lines } = recordingLog();
  const seen: string[] = [];
  let ended = 0;
  const splices = new Splices({
    clock,
    log,
    tap: (direction, chunk) => void seen.push(`${direction} ${chunk}`),
    onEnded: () => {
      ended += 1;
    },
  });
  const join = (pairId: string): { broker: MemoryLink; bridge: MemoryLink } => {
    const [broker, a] = memoryLinks();
    const [bridge, b] = memoryLinks();
    onTestFinished(() => {
      broker.reset();
      bridge.reset();
    });
    splices.join(a, b, { pairId, role: 'local', path: ['a'], infoHash: undefined, peer: {} });
    return { broker, bridge };
  };
  return { clock, lines, seen, splices, join, ended: () => ended };
}

it('passes bytes on, shows them to the tap, and tells of the end when both have ended', async () => {
  const { lines, seen, splices, join, ended } = setUp();
  const { broker, bridge } = join('pair-1');
  const [atBroker, atBridge] = [watch(broker.stream), watch(bridge.stream)];
  broker.stream.end('question');
  await atBridge.ended;
  expect([splices.size, ended()]).toEqual([1, 0]);
  expect(splices.totals).toMatchObject({ ended: { ended: 0 }, bytesToBridge: 8, bytesToBroker: 0 });
  bridge.stream.end('answer');
  await Promise.all([atBroker.closed, atBridge.closed]);
  await settle();
  expect([`${atBridge.bytes}`, `${atBroker.bytes}`]).toEqual(['question', 'answer']);
  expect(seen).toEqual(['aToB question', 'bToA answer']);
  expect([splices.size, ended()]).toEqual([0, 1]);
  expect(splices.totals).toEqual({
    ended: { ended: 1, aborted: 0, stalled: 0 },
    bytesToBridge: 8,
    bytesToBroker: 6,
  });
  expect(lines).toEqual([
    { level: 'debug', message: 'a splice ended', fields: { pairId: 'pair-1', outcome: 'ended' } },
  ]);
});

it('tells of a reset and of a stall once each', async () => {
  const { clock, lines, splices, join, ended } = setUp();
  const cut = join('cut');
  const frozen = join('frozen');
  const atBridge = watch(cut.bridge.stream);
  cut.broker.reset();
  await atBridge.closed;
  expect(atBridge.events).toContain('error:ECONNRESET');
  await writeUntilStuck(frozen.broker.stream, 8 * 1_024 * 1_024);
  clock.advance(STALL_TIMEOUT_MS);
  await settle();
  expect(lines.map(({ fields }) => fields)).toEqual([
    { pairId: 'cut', outcome: 'aborted' },
    { pairId: 'frozen', outcome: 'stalled' },
  ]);
  expect([splices.size, ended(), clock.pending]).toEqual([0, 2, 0]);
});

it('resets all when it is told to, and is done when they are gone', async () => {
  const { splices, join, ended } = setUp();
  const all = [join('one'), join('two')];
  const watched = all.map(({ broker }) => watch(broker.stream));
  await splices.abort();
  expect([splices.size, ended()]).toEqual([0, 2]);
  for (const each of watched) {
    await each.closed;
    expect(each.events).toContain('error:ECONNRESET');
  }
  await splices.abort();
});
