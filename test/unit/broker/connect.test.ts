/** The broker's half of beacon/1. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { type BeaconError, systemCode } from '../../../src/base/errors.ts';
import { RELAY_SILENCE_MS } from '../../../src/base/limits.ts';
import { connectThrough } from '../../../src/broker/connect.ts';
import { encodeRelayFrame } from '../../../src/wire/encode.ts';
import type { Paired, RelayFrame } from '../../../src/wire/frames.ts';
import { makePki } from '../../support/certificates.ts';
import { checkLeaks } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import type { MemoryLink } from '../../support/memory-link.ts';
import { memoryLinks } from '../../support/memory-link.ts';
import { PAIR_ID, PuppetClient, quiet } from '../../support/puppet-relay.ts';
import { watch } from '../../support/streams.ts';

checkLeaks();

interface Scene {
  readonly link: MemoryLink;
  readonly relay: PuppetClient;
  readonly clock: ManualClock;
  readonly controller: AbortController;
  /** What came of it; undefined while it waits. */
  outcome(): Paired | BeaconError | undefined;
  code(): string | undefined;
}

async function scene({ aborted = false, wanted = undefined as Buffer | undefined } = {}): Promise<Scene> {
  const [link, far] = memoryLinks();
  const relay = new PuppetClient(far);
  const clock = new ManualClock();
  const controller = new AbortController();
  if (aborted) controller.abort();
  let outcome: Paired | BeaconError | undefined;
  connectThrough(link, {
    infoHash: makePki().infoHash,
    instance: Buffer.alloc(16, 9),
    software: 'test/1',
    clock,
    signal: controller.signal,
    ...(wanted && { wanted }),
  }).then(
    (paired) => (outcome = paired),
    (error: BeaconError) => (outcome = error),
  );
  onTestFinished(() => {
    link.reset();
    far.reset();
    expect(clock.pending).toBe(0);
  });
  await quiet();
  far.stream.resume();
  return { link, relay, clock, controller, outcome: () => outcome, code: () => systemCode(outcome) };
}

const PAIRED: Paired = {
  type: 'paired',
  pairId: PAIR_ID,
  bridge: Buffer.alloc(16, 1),
  path: [
    { node: 'a', zone: 'eu-1' },
    { node: 'b', zone: '' },
  ],
};

describe('connecting through a relay', () => {
  it('says HELLO, waits, and hands the link over at PAIRED without losing an opaque byte', async () => {
    const { link, relay, clock, outcome } = await scene();
    expect(relay.frames).toMatchObject([{ type: 'hello', role: 'connect', except: [], avoid: [] }]);
    for (const frame of [{ type: 'waiting' }, { type: 'ping', token: 1 }] as const) relay.send(frame);
    await quiet();
    expect(outcome()).toBeUndefined();
    relay.link.stream.write(Buffer.concat([encodeRelayFrame(PAIRED), Buffer.from('opaque')]));
    await quiet();
    expect(outcome()).toEqual(PAIRED);
    expect(clock.pending).toBe(0);
    const seen = watch(link.stream);
    relay.link.stream.end(' bytes');
    await seen.ended;
    expect(seen.bytes.toString()).toBe('opaque bytes');
    // Nothing but HELLO was sent.
    expect(relay.frames).toHaveLength(1);
  });

  it('names the bridge that it wants', async () => {
    const { relay } = await scene({ wanted: Buffer.alloc(16, 4) });
    expect(relay.frames[0]).toMatchObject({ wanted: Buffer.alloc(16, 4) });
    relay.link.reset();
    await quiet();
  });

  it('ignores what is not for it', async () => {
    const { relay, outcome } = await scene();
    relay.send({ type: 'goaway', reconnectAfterMs: 5 });
    relay.send({ type: 'draining', node: 'x' });
    relay.send({ type: 'pong', token: 3 });
    await quiet();
    expect(outcome()).toBeUndefined();
    relay.link.reset();
    await quiet();
  });

  it.each(['noBridge', 'proofInvalid', 'rateLimit'] as const)('fails with the refusal %s', async (code) => {
    const scenery = await scene();
    scenery.relay.refuse(code, { retryAfterMs: 1_500, text: 'because' });
    await quiet();
    expect(scenery.code()).toBe(code);
    expect(scenery.outcome()).toMatchObject({ retryAfterMs: 1_500 });
    expect(scenery.relay.gone).toBe(true);
  });

  it(`gives a relay up that is silent for ${RELAY_SILENCE_MS} ms`, async () => {
    const { relay, clock, outcome, code } = await scene();
    await clock.advanceAsync(RELAY_SILENCE_MS - 1);
    relay.send({ type: 'ping', token: 1 });
    await quiet();
    await clock.advanceAsync(RELAY_SILENCE_MS - 1);
    expect(outcome()).toBeUndefined();
    await clock.advanceAsync(1);
    await quiet();
    expect(code()).toBe('timeout');
    expect(relay.gone).toBe(true);
  });

  const malformed: readonly RelayFrame[] = [
    { type: 'offer', pairId: PAIR_ID },
    { type: 'parked', node: 'x', zone: '', incarnation: 1, pingIntervalMs: 1 },
  ];
  it.each(malformed)('fails at $type', async (frame) => {
    const { relay, code } = await scene();
    relay.send(frame);
    await quiet();
    expect(code()).toBe('malformed');
  });

  it('fails at bytes that are no frame', async () => {
    const { relay, code } = await scene();
    relay.link.stream.write('HTTP/1.1 400 Bad Request\r\n\r\n');
    await quiet();
    expect(code()).toBe('malformed');
  });

  it.each(['end', 'reset'])('fails when the relay does %s', async (how) => {
    const { relay, code, outcome } = await scene();
    if (how === 'end') relay.link.stream.end();
    else relay.link.reset();
    await quiet();
    expect(code()).toBe('closed');
    expect(outcome()).toMatchObject({ retry: true });
  });

  it.each([true, false])('is ended by its signal (before it began: %s)', async (aborted) => {
    const { controller, code, relay } = await scene({ aborted });
    controller.abort();
    await quiet();
    expect(code()).toBe('closed');
    expect(relay.gone).toBe(true);
  });
});
