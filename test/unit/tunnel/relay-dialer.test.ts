/** Dialling relays: any of several, whom to trust, and a refusal of relays under the bridge CA. */
import { createHash } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Address } from '../../../src/base/address.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { LOOK_UP_WAIT_MS } from '../../../src/base/limits.ts';
import type { Link } from '../../../src/net/link.ts';
import { RelayDialer, type RelayDialerOptions } from '../../../src/tunnel/relay-dialer.ts';
import type { Route } from '../../../src/tunnel/routes.ts';
import { ALPN } from '../../../src/wire/frames.ts';
import { makePki } from '../../support/certificates.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { HOST, tlsListener } from '../../support/net-links.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { startStore } from '../../support/store.ts';
import { identityOf } from '../../support/tunnels.ts';

checkLeaks();

const never = new AbortController().signal;

interface Door {
  readonly address: Address;
  readonly links: Link[];
}

async function relay(options: Parameters<typeof tlsListener>[0] = {}): Promise<Door> {
  const links: Link[] = [];
  const listener = tlsListener({ alpn: ALPN, onLink: (link) => links.push(link), ...options });
  const { port } = await listener.listen();
  onTestFinished(() => listener.close());
  return { address: { host: HOST, port }, links };
}

async function closedPort(): Promise<Address> {
  const store = await startStore();
  await store.close();
  return { host: HOST, port: store.port };
}

function dialer(addresses: readonly Address[], options: Partial<RelayDialerOptions> = {}): RelayDialer {
  const { relayCa, bridgeCa } = makePki();
  return new RelayDialer({
    addresses,
    relayCa: [relayCa.certificate],
    pins: [],
    identity: identityOf('bridge'),
    bridgeCas: [bridgeCa.der],
    clock: systemClock,
    random: seededRandom(1),
    ...options,
  });
}

/** A route is taken as bridge and broker take it, and the next one where it fails. Rejects with the last failure. */
async function dial(from: RelayDialer): Promise<Link> {
  const tried = new Set<Route>();
  let failure: unknown = new Error('no route');
  for (;;) {
    const choice = from.routes.next(systemClock.now(), { need: 'any', tried });
    if (choice.kind !== 'dial') throw failure;
    const { route } = choice;
    tried.add(route);
    try {
      const { link } = await from.dialRoute(route, never);
      onTestFinished(() => link.reset());
      return link;
    } catch (error) {
      failure = error;
    } finally {
      from.routes.dropped(route);
    }
  }
}

describe('a relay dialer', () => {
  it('shows the proof', async () => {
    const { address, links } = await relay();
    await dial(dialer([address]));
    await settled(() => links.length === 1);
    expect(links[0]?.peerChain.map((der) => der.toString('hex'))).toEqual(
      [makePki().bridge.der, makePki().bridgeCa.der].map((der) => der.toString('hex')),
    );
  });

  it('takes any relay that answers', async () => {
    const [{ address, links }, dead] = [await relay(), await closedPort()];
    for (let count = 1; count <= 6; count += 1) {
      await dial(dialer([dead, address, dead], { random: seededRandom(count) }));
    }
    await settled(() => links.length === 6);
    expect(links).toHaveLength(6);
  });

  it('spreads over the relays', async () => {
    const doors = [await relay(), await relay(), await relay()];
    const from = dialer(doors.map(({ address }) => address));
    for (let count = 1; count <= 30; count += 1) {
      const link = await dial(from);
      await settled(() => doors.flatMap(({ links }) => links).length === count);
      link.reset();
    }
    for (const { links } of doors) expect(links.length).toBeGreaterThan(3);
  });

  it('says what is wrong with the only relay', async () => {
    await expect(dial(dialer([await closedPort()]))).rejects.toMatchObject({
      code: 'unreachable',
      retry: true,
      message: expect.stringContaining('cannot reach the relay: connection refused'),
    });
  });

  it('says what is wrong with each of several relays', async () => {
    const from = dialer([await closedPort(), await closedPort()]);
    expect(from.routes.all).toHaveLength(2);
    for (const route of from.routes.all) {
      const error = await from.dialRoute(route, never).catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: 'unreachable', retry: true });
      const place = from.routes.all.indexOf(route) + 1;
      expect(String(error)).toContain(`cannot reach relay ${place} of 2: connection refused`);
      expect(String(error)).not.toContain(HOST);
    }
  });

  it('refuses a relay of another CA', async () => {
    const { address } = await relay();
    const { relayCa } = makePki({ fresh: true });
    await expect(dial(dialer([address], { relayCa: [relayCa.certificate] }))).rejects.toMatchObject({
      code: 'untrusted',
    });
  });

  it('refuses a relay under the bridge CA, which could pose as the bridge', async () => {
    const { bridge, bridgeCa } = makePki();
    const credentials = { certPem: bridge.certificate, keyPem: bridge.key };
    const { address } = await relay({ credentials });
    const trusting = dialer([{ ...address, host: 'localhost' }], { relayCa: [bridgeCa.certificate] });
    await expect(dial(trusting)).rejects.toMatchObject({ code: 'untrusted' });
    const fingerprint = { kind: 'cert', sha256: sha256(bridge.der) } as const;
    const pinning = dialer([address], { relayCa: undefined, pins: [fingerprint] });
    const error = await dial(pinning).catch((cause: unknown) => cause);
    expect(String(error)).toContain('bridge CA');
  });

  it('trusts a pin without a CA', async () => {
    const { address } = await relay();
    const pins = [{ kind: 'cert', sha256: sha256(makePki().relay.der) }] as const;
    await dial(dialer([address], { relayCa: undefined, pins }));
  });

  it('refuses what is no relay', async () => {
    const { address } = await relay({ alpn: 'h2' });
    await expect(dial(dialer([address]))).rejects.toMatchObject({ code: 'closed' });
  });

  it('is ended by its signal', async () => {
    const { address, links } = await relay();
    const controller = new AbortController();
    controller.abort();
    const from = dialer([address, address]);
    const [route] = from.routes.all;
    if (!route) throw new Error('no route');
    await expect(from.dialRoute(route, controller.signal)).rejects.toMatchObject({ code: 'closed' });
    expect(links).toHaveLength(0);
  });
});

describe('a relay dialer that is told where to dial', () => {
  /** `localhost`, as far as the certificate is concerned; its addresses are `ips`. */
  function named(
    port: number,
    ips: readonly string[],
    options: Partial<RelayDialerOptions> = {},
  ): RelayDialer {
    return dialer([{ host: 'localhost', port }], { lookUp: () => Promise.resolve(ips), ...options });
  }

  it('makes a route of each address of a name, and dials the one that is meant', async () => {
    const { address, links } = await relay();
    const from = named(address.port, ['127.0.0.2', '127.0.0.1']);
    await from.refresh();
    expect(from.routes.all.map(({ ip }) => ip)).toEqual(['127.0.0.2', '127.0.0.1']);
    const meant = from.routes.all[1];
    if (!meant) throw new Error('no route');
    const { link, route } = await from.dialRoute(meant, never);
    onTestFinished(() => link.reset());
    expect(route).toBe(meant);
    await settled(() => links.length === 1);
  });

  it('takes another address of the name where that one is silent, and says so', async () => {
    const { address } = await relay();
    // Nobody listens there.
    const random = { ...seededRandom(1), fraction: () => 0.999 };
    const from = named(address.port, ['127.0.0.2', '127.0.0.1'], { random });
    await from.refresh();
    const choice = from.routes.next(0, { need: 'any', tried: new Set(from.routes.all.slice(1)) });
    if (choice.kind !== 'dial') throw new Error('no route');
    expect(choice.route.ip).toBe('127.0.0.2');
    const { link, route } = await from.dialRoute(choice.route, never);
    onTestFinished(() => link.reset());
    expect(route.ip).toBe('127.0.0.1');
    const now = systemClock.now();
    expect(from.routes.next(now, { need: 'any' })).toMatchObject({ kind: 'dial', route });
  });

  it('looks up no addresses, and no names for a proxy', async () => {
    const asked: string[] = [];
    const lookUp = (host: string): Promise<readonly string[]> => {
      asked.push(host);
      return Promise.resolve([]);
    };
    await dialer(
      [
        { host: '127.0.0.1', port: 1 },
        { host: '::1', port: 1 },
      ],
      { lookUp },
    ).refresh();
    const proxyFor: RelayDialerOptions['proxyFor'] = () => ({ host: '127.0.0.1', port: 1 });
    await named(1, [], { lookUp, proxyFor }).refresh();
    expect(asked).toEqual([]);
    const from = named(1, [], { lookUp });
    await Promise.all([from.refresh(), from.refresh()]);
    expect(asked).toEqual(['localhost']);
    expect(from.routes.all.map(({ ip }) => ip)).toEqual([undefined]);
  });

  it(`waits ${LOOK_UP_WAIT_MS} ms for a resolver that hangs, and takes its answer later`, async () => {
    const clock = new ManualClock();
    const resolved = Promise.withResolvers<readonly string[]>();
    const from = named(1, [], { clock, lookUp: () => resolved.promise });
    let done = false;
    const refreshed = from.refresh().then(() => {
      done = true;
    });
    await clock.advanceAsync(LOOK_UP_WAIT_MS - 1);
    expect(done).toBe(false);
    await clock.advanceAsync(1);
    await refreshed;
    resolved.resolve(['127.0.0.1']);
    await settled(() => from.routes.all[0]?.ip === '127.0.0.1');
    expect(from.routes.all.map(({ ip }) => ip)).toEqual(['127.0.0.1']);
    expect(clock.pending).toBe(0);
  });
});

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

it('shows and trusts what it was given last', async () => {
  const { address, links } = await relay({ requestCert: true });
  const other = makePki({ fresh: true });
  const one = dialer([address], { relayCa: [other.relayCa.certificate] });
  await expect(dial(one)).rejects.toMatchObject({ code: 'untrusted' });
  const { relayCa, bridgeCa } = makePki();
  const identity = identityOf('broker');
  const again = dialer([address], { relayCa: [other.relayCa.certificate] });
  again.setCredentials({ relayCa: [relayCa.certificate], identity, bridgeCas: [bridgeCa.der] });
  const link = await dial(again);
  await settled(() => links.length === 1);
  expect(links[0]?.peerChain[0]).toEqual(makePki().broker.der);
  link.reset();
});
