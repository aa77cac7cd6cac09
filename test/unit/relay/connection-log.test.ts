/** The records of splices: what is in them, what only on request, and what rounding leaves. */
import { describe, expect, it } from 'vitest';
import { parseInfoHash } from '../../../src/base/info-hash.ts';
import { ConnectionLog, type ConnectionLogOptions, spliceFacts } from '../../../src/relay/connection-log.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { recordingLog } from '../../support/recording-log.ts';

const FACTS = {
  pairId: '0123456789abcdef0123456789abcdef',
  role: 'origin',
  path: ['relay-1', 'relay-2'],
  infoHash: parseInfoHash('3f'.repeat(32)),
  peer: { broker: '192.0.2.77' },
} as const;
const HOUR = 3_600_000;
const MIB = 1_048_576;

function write(
  options: Partial<ConnectionLogOptions>,
  { tookMs = 90_250, bytes = [1_000, 5_000_000] as readonly [number, number] } = {},
) {
  const clock = new ManualClock();
  const { log, records, lines } = recordingLog();
  const connectionLog = new ConnectionLog({
    node: 'relay-1',
    fields: [],
    blur: false,
    clock,
    log,
    ...options,
  });
  const startedAt = clock.wall();
  const end = connectionLog.begin(FACTS);
  clock.advance(tookMs);
  expect(records).toEqual([]);
  end({ outcome: 'ended', bytesAToB: bytes[0], bytesBToA: bytes[1] });
  expect(lines).toEqual([]);
  expect(records).toHaveLength(1);
  return { record: records[0], startedAt };
}

describe('a record of a splice', () => {
  it('says when, how long and how much, and nothing of who', () => {
    const { record, startedAt } = write({});
    expect(record).toEqual({
      name: 'splice',
      fields: {
        time: new Date(startedAt + 90_250).toISOString(),
        pairId: FACTS.pairId,
        role: 'origin',
        node: 'relay-1',
        path: 'relay-1, relay-2',
        start: new Date(startedAt).toISOString(),
        durationMs: 90_250,
        bytesFromBroker: 1_000,
        bytesFromBridge: 5_000_000,
        outcome: 'ended',
      },
    });
  });

  it('names what it is asked to, each by itself', () => {
    expect(write({ fields: ['peer'] }).record?.fields).toMatchObject({ peer: { broker: '192.0.2.77' } });
    expect(write({ fields: ['peer'] }).record?.fields).not.toHaveProperty('info_hash');
    const { record } = write({ fields: ['info_hash'] });
    expect(record?.fields).toMatchObject({ info_hash: '3f'.repeat(32) });
    expect(record?.fields).not.toHaveProperty('peer');
  });

  it.each([
    [0, [0, 0], 60_000, [MIB, MIB]],
    [60_000, [MIB, MIB + 1], 60_000, [MIB, 2 * MIB]],
    [60_001, [3 * MIB, 1e9], 120_000, [4 * MIB, 1_024 * MIB]],
    [HOUR, [5, 5], 64 * 60_000, [MIB, MIB]],
  ] as const)('rounds %i ms and %j bytes', (tookMs, bytes, durationMs, rounded) => {
    const fields = write({ blur: true }, { tookMs, bytes }).record?.fields;
    expect(fields).toMatchObject({ durationMs, bytesFromBroker: rounded[0], bytesFromBridge: rounded[1] });
    for (const name of ['start', 'time']) expect(Date.parse(String(fields?.[name])) % HOUR, name).toBe(0);
  });
});

describe('what a node knows of a splice', () => {
  const infoHash = FACTS.infoHash;
  const broker = { infoHash, link: { source: '192.0.2.1' } };
  const bridge = { infoHash, link: { source: '192.0.2.2' } };
  const { pairId } = FACTS;

  it.each([
    [{ broker, bridge }, 'local', ['b'], { broker: '192.0.2.1', bridge: '192.0.2.2' }],
    [{ broker, holder: 'c' }, 'origin', ['b', 'c'], { broker: '192.0.2.1' }],
    [{ bridge, origin: 'a' }, 'holder', ['a', 'b'], { bridge: '192.0.2.2' }],
  ] as const)('is its role, the path, and the client that is connected to it', (joined, role, path, peer) => {
    expect(spliceFacts('b', { pairId, ...joined })).toEqual({ pairId, role, path, infoHash, peer });
  });
});
