/** A relay that drains, on real sockets: what its clients are told, what it waits for and what it cuts. */
import { afterEach, describe, expect, it } from 'vitest';
import { DRAIN_LINGER_MS, DRAIN_PARK_MS, DRAIN_TIMEOUT_DEFAULT_MS } from '../../../src/base/limits.ts';
import type { Relay } from '../../../src/relay/relay.ts';
import { checkLeaks, until } from '../../support/leaks.ts';
import { settle } from '../../support/manual-clock.ts';
import { startRelay } from '../../support/relay.ts';
import { cutClients, dialAs, hello, identityOf, pairUp, WireClient } from '../../support/wire-client.ts';

checkLeaks();
afterEach(cutClients);

/** What the drain came to, so far. */
function watch(relay: Relay) {
  const seen: { cut?: number } = {};
  void relay.drain().then(({ cut }) => {
    seen.cut = cut;
  });
  return seen;
}

describe('a relay that drains', () => {
  it('is over at once where nobody is', async () => {
    const { relay } = await startRelay();
    expect(relay.drainState).toBe('serving');
    expect(await relay.drain()).toEqual({ cut: 0 });
    expect(relay.drainState).toBe('drained');
  });

  it('sends its parks away, and waits until they have gone', async () => {
    const { relay, port } = await startRelay();
    const parks = [await dialAs('park', port), await dialAs('park', port)];
    const seen = watch(relay);
    expect([relay.drainState, relay.parked]).toEqual(['draining', 0]);
    for (const park of parks) {
      expect(await park.expect('draining')).toEqual({ type: 'draining', node: 'relay-0' });
      const { reconnectAfterMs } = await park.expect('goaway');
      expect(reconnectAfterMs).toBeLessThan(2 * DRAIN_PARK_MS);
    }
    expect(seen).toEqual({});
    for (const park of parks) park.end();
    await until(() => seen.cut !== undefined);
    expect(seen).toEqual({ cut: 0 });
  });

  it('keeps a park alive, and does not wait for ever for it', async () => {
    const { relay, clock, port } = await startRelay();
    const park = await dialAs('park', port);
    const drained = relay.drain();
    await park.expect('draining');
    await park.expect('goaway');
    park.send({ type: 'ping', token: 7 });
    expect(await park.frame()).toEqual({ type: 'pong', token: 7 });
    clock.advance(DRAIN_PARK_MS + DRAIN_LINGER_MS);
    expect(await drained).toEqual({ cut: 0 });
  });

  it('refuses brokers that wait, and whoever comes later', async () => {
    const { relay, port } = await startRelay();
    const { bridge, broker } = await pairUp(port);
    const waiting = await dialAs('connect', port, { more: { wanted: Buffer.alloc(16) } });
    await waiting.expect('waiting');
    const silent = await WireClient.dial(port, { identity: identityOf('park') });
    const seen = watch(relay);
    expect(await waiting.frame()).toMatchObject({ type: 'refused', code: 'draining' });
    silent.send(hello('park'));
    expect(await silent.frame()).toMatchObject({ type: 'refused', code: 'draining' });
    const late = await dialAs('connect', port);
    expect(await late.frame()).toMatchObject({ type: 'refused', code: 'draining' });
    expect(seen).toEqual({});
    for (const end of [bridge, broker]) end.reset();
    await until(() => seen.cut !== undefined);
  });

  it('takes a pairing back that is under way', async () => {
    const { relay, port } = await startRelay();
    const bridge = await dialAs('park', port);
    const broker = await dialAs('connect', port);
    await bridge.expect('offer');
    const drained = relay.drain();
    expect(await broker.frame()).toMatchObject({ type: 'refused', code: 'draining' });
    expect(await bridge.ended).toBe('reset');
    expect(await drained).toEqual({ cut: 0 });
    expect([relay.slots.used, relay.splices]).toEqual([0, 0]);
  });

  it('lets splices run, carries their bytes, and is over when the last one has ended', async () => {
    const { relay, clock, port } = await startRelay();
    const [one, other] = [await pairUp(port), await pairUp(port)];
    const seen = watch(relay);
    clock.advance(DRAIN_TIMEOUT_DEFAULT_MS - 1);
    one.broker.send('still here');
    expect(await one.bridge.opaque(10)).toBe('still here');
    for (const end of [one.broker, one.bridge]) end.reset();
    await until(() => relay.splices === 1);
    expect(seen).toEqual({});
    for (const end of [other.broker, other.bridge]) end.reset();
    await until(() => seen.cut !== undefined);
    expect(seen).toEqual({ cut: 0 });
  });

  it('cuts those that are left at the deadline, and says how many', async () => {
    const { relay, clock, port, lines } = await startRelay({ drainTimeoutMs: 5_000 });
    const [one, other] = [await pairUp(port), await pairUp(port)];
    const drained = relay.drain();
    clock.advance(4_999);
    await settle();
    expect([relay.drainState, relay.splices]).toEqual(['draining', 2]);
    clock.advance(1);
    expect(await drained).toEqual({ cut: 2 });
    for (const { bridge, broker } of [one, other]) {
      expect(await bridge.ended).toBe('reset');
      expect(await broker.ended).toBe('reset');
    }
    const said = lines.filter(({ msg }) => String(msg).startsWith('this node'));
    expect(said).toMatchObject([
      { level: 'info', msg: 'this node drains', splices: 2 },
      { level: 'warn', msg: 'this node has drained', cut: 2 },
    ]);
  });

  it('twice drains once', async () => {
    const { relay, port, lines } = await startRelay();
    const park = await dialAs('park', port);
    expect(relay.drain()).toBe(relay.drain());
    await park.expect('draining');
    await park.expect('goaway');
    park.end();
    await relay.drain();
    await relay.drain();
    expect(park.unread.frames).toBe(0);
    expect(lines.filter(({ msg }) => msg === 'this node drains')).toHaveLength(1);
  });

  it('can be closed in the middle', async () => {
    const { relay, port } = await startRelay();
    const { bridge, broker } = await pairUp(port);
    const drained = relay.drain();
    await relay.close();
    expect(await drained).toEqual({ cut: 1 });
    expect([await bridge.ended, await broker.ended]).toEqual(['reset', 'reset']);
  });
});
