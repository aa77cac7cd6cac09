/** A relay with few descriptors and more clients than that: it keeps head-room, serves who is there, and recovers. */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DESCRIPTORS_FREE_PART, DESCRIPTORS_FULL_PART } from '../../src/base/limits.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../support/processes.ts';
import { come, fill, many } from '../support/splice-crowd.ts';
import { cutClients, pairOnce, type WireClient } from '../support/wire-client.ts';

const LIMIT = 128;
const CLIENTS = 200;

let files: PkiDirectory;
let relay: BeaconProcess;

beforeAll(async () => {
  files = await makePkiDirectory();
  writeFileSync(files.file('allowed'), `${files.pki.infoHash}\n`);
  relay = await startBeacon(files.relayArgs('--allow-file', files.file('allowed')), { descriptors: LIMIT });
});
afterAll(async () => {
  cutClients();
  await relay?.kill();
  await files?.remove();
});

it('lets in as many as leave a tenth free, and others when some have left', async () => {
  const [pair] = await fill(relay.port, 1, files.pki);
  const comers = await many(CLIENTS, () => come('park', relay.port, files).catch(() => undefined));
  const inside = comers.filter((client): client is WireClient => client !== undefined);
  // What is open for a moment, a timer or a file, makes a few more or less.
  const used = relay.descriptors();
  expect(used).toBeGreaterThan(LIMIT * DESCRIPTORS_FREE_PART - 8);
  expect(used).toBeLessThanOrEqual(Math.ceil(LIMIT * DESCRIPTORS_FULL_PART) + 2);
  expect(inside.length).toBeLessThan(CLIENTS);
  expect(relay.alive).toBe(true);

  pair?.broker.send('question');
  expect(await pair?.bridge.opaque(8)).toBe('question');

  for (const client of inside) client.reset();
  await expect.poll(() => relay.descriptors(), { timeout: 10_000 }).toBeLessThan(LIMIT / 2);
  await pairOnce(relay.port);
  await relay.waitFor(/few descriptors left: that is over/);
  const told = relay.lines.filter(({ msg }) => msg.includes('descriptors'));
  expect(told.map(({ level }) => level)).toEqual(['warn', 'info']);
  expect(JSON.stringify(told)).not.toContain('127.');
});
