/** A real relay with every splice slot in use: the next broker waits, is told so, and is served when one is free. */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SPLICE_SLOTS } from '../../src/base/limits.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../support/processes.ts';
import { come, fill, type Pair } from '../support/splice-crowd.ts';
import { acceptOffer, cutClients, type WireClient } from '../support/wire-client.ts';

/** The bar is 50 ms, which `bench:hostile` holds us to on a machine at rest; a busy one takes longer for anything. */
const SERVED_MS = 1_000;
const INSTANCE = Buffer.alloc(16, 0xb1);

let files: PkiDirectory;
let relay: BeaconProcess;
let pairs: Pair[];

beforeAll(async () => {
  files = await makePkiDirectory();
  // Listed, so that what strangers may have does not count.
  writeFileSync(files.file('allowed'), `${files.pki.infoHash}\n`);
  relay = await startBeacon(files.relayArgs('--allow-file', files.file('allowed')));
  // All but one.
  pairs = await fill(relay.port, SPLICE_SLOTS - 1, files.pki);
});
afterAll(async () => {
  cutClients();
  await relay?.kill();
  await files?.remove();
});

/** Ends one of the splices in order; when it began to. */
function endOne(): number {
  const pair = pairs.pop();
  pair?.bridge.end();
  pair?.broker.end();
  return performance.now();
}

/** The broker is paired with one of `bridges`, and they talk; when it knew. */
async function served(broker: WireClient, bridges: Set<WireClient>): Promise<number> {
  const bridge = await Promise.race([...bridges].map((each) => acceptOffer(each).then(() => each)));
  await broker.expect('paired');
  const at = performance.now();
  bridges.delete(bridge);
  broker.send('question');
  expect(await bridge.opaque(8)).toBe('question');
  pairs.push({ bridge, broker });
  return at;
}

it('serves the 1,000th at once and lets the next ones wait for a slot, first legs first', async () => {
  pairs.push(...(await fill(relay.port, 1, files.pki)));
  expect(pairs).toHaveLength(SPLICE_SLOTS);

  // Nobody is refused, and bridges park on.
  const bridge = new Set([await come('park', relay.port)]);
  const further = await come('connect', relay.port, { wanted: INSTANCE });
  await further.expect('waiting');
  const first = await come('connect', relay.port);
  await first.expect('waiting');
  const last = await come('connect', relay.port);
  await last.expect('waiting');
  const late = new Set([await come('park', relay.port)]);
  const later = new Set([await come('park', relay.port)]);

  // The newest park is offered first.
  for (const [broker, free] of [
    [first, later],
    [last, late],
    [further, bridge],
  ] as const) {
    const ended = endOne();
    expect((await served(broker, free)) - ended).toBeLessThan(SERVED_MS);
  }
  expect([first, last, further].map(({ unread }) => unread.frames)).toEqual([0, 0, 0]);

  const [oldest] = pairs;
  oldest?.broker.send('still here');
  expect(await oldest?.bridge.opaque(10)).toBe('still here');
});

it('serves nobody instead of one that waits and leaves', async () => {
  const bridges = new Set([await come('park', relay.port)]);
  const leaves = await come('connect', relay.port);
  await leaves.expect('waiting');
  const stays = await come('connect', relay.port);
  await stays.expect('waiting');
  leaves.end();
  await leaves.ended;
  const ended = endOne();
  expect((await served(stays, bridges)) - ended).toBeLessThan(SERVED_MS);
  expect(relay.lines.filter(({ level }) => level === 'error')).toEqual([]);
});
