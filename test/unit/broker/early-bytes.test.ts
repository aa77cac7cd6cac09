/** What a client sends before its stream is accepted. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { CLIENT_EARLY_BYTES } from '../../../src/base/limits.ts';
import { EarlyBytes } from '../../../src/broker/early-bytes.ts';
import type { Link } from '../../../src/net/link.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { memoryLinks } from '../../support/memory-link.ts';
import { quiet } from '../../support/puppet-relay.ts';
import { watch, writeUntilStuck } from '../../support/streams.ts';

checkLeaks();

function scene(): { readonly early: EarlyBytes; readonly client: Link; readonly gone: () => number } {
  const [client, accepted] = memoryLinks();
  let gone = 0;
  const early = new EarlyBytes(accepted, () => (gone += 1));
  onTestFinished(() => client.reset());
  return { early, client, gone: () => gone };
}

function stream(): { readonly link: Link; readonly far: Link } {
  const [link, far] = memoryLinks({ highWaterMark: 1_024 * 1_024 });
  onTestFinished(() => {
    link.reset();
    far.reset();
  });
  return { link, far };
}

describe('early bytes', () => {
  it('go to the stream at once, those from before it first, and again to the next stream', async () => {
    const { early, client } = scene();
    const [first, second] = [stream(), stream()];
    const [atFirst, atSecond] = [watch(first.far.stream), watch(second.far.stream)];
    client.stream.write('one ');
    await quiet();
    early.passTo(first.link);
    client.stream.write('two ');
    await quiet();
    expect(atFirst.bytes.toString()).toBe('one two ');
    first.link.reset();
    early.passTo(second.link);
    client.stream.write('three');
    await quiet();
    expect(atSecond.bytes.toString()).toBe('one two three');
  });

  it('are bounded, and what comes after them waits for the release', async () => {
    const { early, client } = scene();
    const { link, far } = stream();
    const seen = watch(far.stream);
    early.passTo(link);
    const written = await writeUntilStuck(client.stream, 1_024 * 1_024, Buffer.alloc(4_096));
    expect(written).toBeLessThan(1_024 * 1_024);
    expect(seen.bytes.length).toBeGreaterThanOrEqual(CLIENT_EARLY_BYTES);
    expect(seen.bytes.length).toBeLessThan(2 * CLIENT_EARLY_BYTES);
    early.release();
    const rest = watch(early.client.stream);
    client.stream.end();
    await rest.ended;
    expect(seen.bytes.length + rest.bytes.length).toBe(written);
  });

  it('leave the end of the client to whoever comes after', async () => {
    const { early, client } = scene();
    const { link, far } = stream();
    const seen = watch(far.stream);
    early.passTo(link);
    client.stream.end('all');
    await quiet();
    early.release();
    expect(early.client.stream.readableEnded).toBe(true);
    expect(seen.bytes.toString()).toBe('all');
    expect(seen.events).toEqual([]);
  });

  it('reset the stream of a client that has gone, and say so', async () => {
    const { early, client, gone } = scene();
    const { link, far } = stream();
    const seen = watch(far.stream);
    early.passTo(link);
    client.reset();
    await seen.closed;
    await settled(() => gone() === 1);
    expect(gone()).toBe(1);
    expect(seen.events).toEqual(['error:ECONNRESET', 'close']);
  });

  it('say nothing after the release', async () => {
    const { early, client, gone } = scene();
    early.release();
    early.client.stream.resume();
    client.reset();
    await quiet();
    expect(gone()).toBe(0);
  });
});
