/** One trial against a real relay: what each step tells when it works, and which one is named when it does not. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { DIAL_TIMEOUT_MS, RELAY_SILENCE_MS } from '../../../src/base/limits.ts';
import { parsePins } from '../../../src/base/pin.ts';
import { systemRandom } from '../../../src/base/random.ts';
import { runTrial, type TrialOptions } from '../../../src/doctor/trial.ts';
import type { Way } from '../../../src/doctor/ways.ts';
import { issueLeaf } from '../../../src/pki/issue.ts';
import { ALPN } from '../../../src/wire/frames.ts';
import { makePki } from '../../support/certificates.ts';
import { ConnectProxy } from '../../support/connect-proxy.ts';
import { trialOptions, wayTo } from '../../support/doctor-scene.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { tlsListener } from '../../support/net-links.ts';
import { freePorts } from '../../support/ports.ts';
import { startRelay } from '../../support/relay.ts';

checkLeaks();

const alone = (way: Way, more: Partial<TrialOptions> = {}) =>
  runTrial({ broker: way, bridge: way }, trialOptions(more));

describe('a trial that works', () => {
  it('tells each step, and where bridge and broker were', async () => {
    const { port } = await startRelay();
    const trial = await alone(wayTo(port, { lookUp: { name: 'look-up', ms: 1, text: 'found' } }));
    expect(trial).toMatchObject({
      broker: `127.0.0.1:${port}`,
      parkedAt: { node: 'relay-0', zone: 'eu-1' },
      path: [{ node: 'relay-0', zone: 'eu-1' }],
    });
    expect(trial.failure).toBeUndefined();
    expect(trial.steps.map(({ name, text }) => [name, text])).toEqual([
      ['look-up', 'found'],
      ['TCP', 'connected'],
      ['TLS', '1.3, beacon/1, X25519MLKEM768'],
      ['certificate', expect.stringMatching(/^of --beacon-ca, for 127\.0\.0\.1; 36\d days left, until 2/)],
      ['park', 'at relay-0 (zone eu-1)'],
      ['pair', 'at relay-0 (zone eu-1), both'],
      ['inner TLS', '1.3, certificates on both sides, X25519MLKEM768'],
      ['bytes', '256 KiB each way, as they were sent'],
    ]);
  });

  it('leaves nothing at the relay, and ends at the park where it is to', async () => {
    const { port, relay } = await startRelay();
    const { steps } = await alone(wayTo(port), { parkOnly: true });
    expect(steps.map(({ name }) => name)).toEqual(['TCP', 'TLS', 'certificate', 'park']);
    expect(await settled(() => relay.parked === 0)).toBe(true);
  });

  it('warns of a certificate that expires soon', async () => {
    const { relayCa } = makePki();
    const hosts = [{ type: 'ip', value: '127.0.0.1' }] as const;
    const nowMs = systemClock.wall();
    const leaf = issueLeaf(relayCa, { role: 'relay', nowMs, random: systemRandom, hosts, days: 10 });
    const { port } = await startRelay({ credentials: { certPem: leaf.certificate, keyPem: leaf.key } });
    const { steps, failure } = await alone(wayTo(port), { parkOnly: true });
    expect([failure, steps[2]]).toEqual([
      undefined,
      { name: 'certificate', text: expect.stringContaining('; 9 days left'), isWarning: true },
    ]);
  });

  it('says so where a pin decides', async () => {
    const { port } = await startRelay();
    const pin = createHash('sha256').update(makePki().relay.der).digest('hex');
    const trust = { relayCa: undefined, pins: parsePins(`cert-sha256:${pin}`) };
    const { steps } = await alone(wayTo(port, { serverName: 'other.test' }), { trust, parkOnly: true });
    expect(steps[2]?.text).toMatch(/^fits the pin; \d+ days/);
  });
});

describe('a trial through a proxy', () => {
  async function proxyTo(name: string, port: number): Promise<Way['proxy']> {
    const proxy = await ConnectProxy.start({ names: { [name]: port } });
    onTestFinished(() => proxy.close());
    return { host: '127.0.0.1', port: proxy.port };
  }

  it('goes that way, and says so', async () => {
    const { port } = await startRelay();
    const proxy = await proxyTo('localhost:443', port);
    const way = wayTo(443, { address: { host: 'localhost', port: 443 }, serverName: 'localhost', proxy });
    const { failure, steps } = await alone(way);
    expect([failure, steps[0]?.text, steps.at(-1)?.name]).toEqual([undefined, 'to the proxy', 'bytes']);
  });

  it('names the proxy where that leads nowhere', async () => {
    const proxy = await proxyTo('localhost:443', 1);
    const { failure } = await alone(wayTo(443, { address: { host: 'elsewhere.test', port: 443 }, proxy }));
    expect(failure).toMatchObject({
      step: 'proxy',
      code: 'unreachable',
      text: expect.stringContaining('proxy'),
    });
  });
});

describe('a trial that fails', () => {
  it('names TCP where nobody listens', async () => {
    const [port = 0] = await freePorts(1);
    const { failure, steps } = await alone(wayTo(port));
    expect(steps).toEqual([]);
    expect(failure).toEqual({
      step: 'TCP',
      end: 'bridge',
      code: 'unreachable',
      text: expect.stringContaining('connection refused'),
    });
  });

  it('names TLS where something else answers, or nothing', async () => {
    const other = tlsListener({ alpn: 'h2' });
    const { port } = await other.listen();
    onTestFinished(() => other.close());
    expect((await alone(wayTo(port))).failure).toMatchObject({ step: 'TLS', code: 'closed' });
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const bound = silent.address();
    const clock = new ManualClock(systemClock.wall());
    const greeted = new Promise((resolve) =>
      silent.once('connection', (socket) => socket.once('data', resolve)),
    );
    onTestFinished(() => void silent.close());
    const trial = alone(wayTo(typeof bound === 'object' ? (bound?.port ?? 0) : 0), { clock });
    await greeted;
    clock.advance(DIAL_TIMEOUT_MS);
    expect(await trial).toMatchObject({ failure: { step: 'TLS', code: 'unreachable' }, ms: DIAL_TIMEOUT_MS });
    expect(clock.pending).toBe(0);
  });

  it('names the certificate, and for whom it is', async () => {
    const relay = tlsListener({ alpn: ALPN });
    const { port } = await relay.listen();
    onTestFinished(() => relay.close());
    const strange = { relayCa: [makePki({ fresh: true }).relayCa.certificate], pins: [] };
    const { failure, steps } = await alone(wayTo(port), { trust: strange });
    expect(steps.map(({ name }) => name)).toEqual(['TCP']);
    expect(failure).toMatchObject({ step: 'certificate', code: 'untrusted' });
    const elsewhere = await alone(wayTo(port, { serverName: 'relay.example.org' }));
    expect(elsewhere.failure).toMatchObject({
      step: 'certificate',
      code: 'untrusted',
      certifiedFor: expect.stringContaining('DNS:localhost, IP Address:127.0.0.1'),
    });
  });

  it('names the park where the relay refuses, with the word for it', async () => {
    const { port } = await startRelay({}, { allowed: new Set() });
    const { failure, parkedAt } = await alone(wayTo(port));
    expect([failure?.step, failure?.code, parkedAt]).toEqual(['park', 'notAllowed', undefined]);
  });

  it('names the pair where the relay of the broker says nothing, and waits no longer than brokers do', async () => {
    const { port } = await startRelay();
    const greeted = Promise.withResolvers<void>();
    const silent = tlsListener({
      alpn: ALPN,
      onLink: ({ stream }) => stream.once('data', () => greeted.resolve()),
    });
    const bound = await silent.listen();
    onTestFinished(() => silent.close());
    const clock = new ManualClock(systemClock.wall());
    const trial = runTrial({ broker: wayTo(bound.port), bridge: wayTo(port) }, trialOptions({ clock }));
    await greeted.promise;
    clock.advance(RELAY_SILENCE_MS);
    expect(await trial).toMatchObject({
      failure: { step: 'pair', end: 'broker', code: 'timeout' },
      parkedAt: { node: 'relay-0' },
      ms: RELAY_SILENCE_MS,
    });
    expect(clock.pending).toBe(0);
  });
});
