/** The records of streams that an auditor asks for. */
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { StreamLog } from '../../../src/bridge/stream-log.ts';
import { makePki } from '../../support/certificates.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { recordingLog } from '../../support/recording-log.ts';

const { broker, bridgeCa } = makePki();
const peerChain = [broker.der, bridgeCa.der];
const fingerprint = createHash('sha256').update(broker.der).digest('hex');

function setUp() {
  const clock = new ManualClock();
  const { log, records } = recordingLog();
  return { clock, records, streamLog: new StreamLog(clock, log), startedAt: clock.wall() };
}

it('says who had what, when, for how long, and how much of it', () => {
  const { clock, records, streamLog, startedAt } = setUp();
  const end = streamLog.begin({ target: 'db', peerChain });
  clock.advance(1_500.4);
  end({ outcome: 'aborted', bytesAToB: 10, bytesBToA: 2_000 });
  expect(records).toEqual([
    {
      name: 'stream',
      fields: {
        time: new Date(startedAt + 1_500.4).toISOString(),
        broker: fingerprint,
        target: 'db',
        start: new Date(startedAt).toISOString(),
        durationMs: 1_500,
        bytesFromBroker: 10,
        bytesFromTarget: 2_000,
        outcome: 'aborted',
      },
    },
  ]);
});

it('says what was refused, and repeats no more than a name', () => {
  const { records, streamLog } = setUp();
  streamLog.refused({ target: 'cache', peerChain }, 'unknownTarget');
  streamLog.refused({ target: '192.0.2.7:22\n', peerChain }, 'unknownTarget');
  const refused = { broker: fingerprint, durationMs: 0, bytesFromTarget: 0, outcome: 'unknownTarget' };
  expect(records.map(({ fields }) => fields)).toMatchObject([{ ...refused, target: 'cache' }, refused]);
  expect(records[1]?.fields['target']).toBeUndefined();
});
