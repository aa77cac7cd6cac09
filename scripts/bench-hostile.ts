/**
 * What one bad peer costs everybody else: strangers, floods, slow and dead peers against real relays on this machine, with
 * the limits of production. Prints bar, measured value and met or missed a row.
 *
 *     npm run bench:hostile -- [--json FILE] [--only NAME]
 */
import { parseArgs } from 'node:util';
import { systemClock } from '../src/base/clock.ts';
import { messageOf } from '../src/base/errors.ts';
import { cutClients } from '../test/support/wire-client.ts';
import { measureFewDescriptors } from './bench/hostile/few-descriptors.ts';
import { measureFirstPackets } from './bench/hostile/first-packets.ts';
import { measureRefused } from './bench/hostile/refused.ts';
import { measureSlots } from './bench/hostile/slot-waiters.ts';
import { measureSources } from './bench/hostile/sources.ts';
import { measureStalledHandshakes } from './bench/hostile/stalled-handshakes.ts';
import { measureStalledPairs } from './bench/hostile/stalled-pairs.ts';
import { measureTlsFlood } from './bench/hostile/tls-flood.ts';
import { chosen, type Part } from './bench/parts.ts';
import { finish, notMeasured, type Row, rounded } from './bench/report.ts';

const PARTS: readonly Part[] = [
  { name: 'refused', measure: async () => [await measureRefused()] },
  { name: 'sources', measure: measureSources },
  { name: 'handshakes', measure: async () => [await measureStalledHandshakes()] },
  { name: 'flood', measure: async () => [await measureTlsFlood()] },
  { name: 'descriptors', measure: async () => [await measureFewDescriptors()] },
  { name: 'slots', measure: measureSlots },
  { name: 'packets', measure: () => measureFirstPackets() },
  {
    name: 'pairs',
    measure: async () => {
      const { row, zeroWindow } = await measureStalledPairs();
      return [row, await zeroWindow];
    },
  },
];

const { values: options } = parseArgs({ options: { json: { type: 'string' }, only: { type: 'string' } } });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const rows: Row[] = [];
for (const part of chosen(PARTS, options.only)) rows.push(...(await run(part)));
finish('hostile', rows, options.json);

async function run({ name, measure }: Part): Promise<Row[]> {
  const start = systemClock.now();
  try {
    return await measure();
  } catch (error) {
    console.error(error);
    return [notMeasured(name, 'as in docs/benchmarks.md', messageOf(error))];
  } finally {
    cutClients();
    console.error(`${name}: ${rounded((systemClock.now() - start) / 1_000)} s`);
  }
}
