/** What only a real process with its real clock and the limits of production shows. All of it at the same time. */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ACCEPT_TIMEOUT_MS,
  HANDSHAKE_TIMEOUT_MS,
  HELLO_TIMEOUT_MS,
  REFUSED_LINGER_MS,
} from '../../src/base/limits.ts';
import { encodeClientFrame } from '../../src/wire/encode.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  runBeacon,
  startBeacon,
} from '../support/processes.ts';
import { clientHello, drip, tcp, untilClosed } from '../support/strangers.ts';
import { cutClients, dialAs, hello, identityOf, pairOnce, WireClient } from '../support/wire-client.ts';

let files: PkiDirectory;
let relay: BeaconProcess;
let before: number;

beforeAll(async () => {
  files = await makePkiDirectory();
  relay = await startBeacon(files.relayArgs());
  await pairOnce(relay.port);
  before = await relay.quiet();
});
afterAll(async () => {
  cutClients();
  await relay?.kill();
  await files?.remove();
});

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Two processes measure, one of them under load: some slack, but less than the next limit. */
function expectAbout(measuredMs: number, limitMs: number): void {
  expect(measuredMs).toBeGreaterThan(limitMs - 100);
  expect(measuredMs).toBeLessThan(limitMs + 2_500);
}

// At most five, as many as vitest runs side by side.
describe.concurrent('beacon relay', () => {
  it('cuts silence and slowness within the handshake after 10 s', async () => {
    const bytes = await clientHello();
    const [silent, half, whole, slow] = await Promise.all([1, 2, 3, 4].map(() => tcp(relay.port)));
    if (!silent || !half || !whole || !slow) expect.unreachable();
    half.write(bytes.subarray(0, 100));
    whole.write(bytes);
    drip(slow, bytes);
    for (const ms of await Promise.all([silent, half, whole, slow].map(untilClosed))) {
      expectAbout(ms, HANDSHAKE_TIMEOUT_MS);
    }
  });

  it('refuses silence and slowness after the handshake within 5 s, and cuts those who stay', async () => {
    const start = performance.now();
    const clients = await Promise.all(
      [1, 2].map(() => WireClient.dial(relay.port, { identity: identityOf('park') })),
    );
    if (clients[1]) drip(clients[1].socket, encodeClientFrame(hello('park')));
    for (const client of clients) {
      expect(await client.expect('refused')).toMatchObject({ code: 'timeout' });
      expectAbout(performance.now() - start, HELLO_TIMEOUT_MS);
      expect(await client.ended).toBe('end');
    }
    // They stay, deaf to the refusal. That the relay did not is seen by whoever writes after its patience.
    await sleep(REFUSED_LINGER_MS + 500);
    for (const client of clients) {
      client.send('anybody there?');
      await untilClosed(client.raw);
    }
  });

  it('follows its allow file within 10 s', async () => {
    const allowFile = files.file('allowed.txt');
    writeFileSync(allowFile, '# nobody yet\n');
    const choosy = await startBeacon(files.relayArgs('--allow-file', allowFile));
    const early = await WireClient.dial(choosy.port, { identity: identityOf('park') });
    early.send(hello('park'));
    expect(await early.expect('refused')).toMatchObject({ code: 'notAllowed' });
    writeFileSync(allowFile, `${files.pki.infoHash}\n`);
    expect(await choosy.waitFor('the allow file was read again')).toMatchObject({ entries: 1 });
    await pairOnce(choosy.port);
    expect(await choosy.kill()).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('takes an ACCEPT that came in time, though it was frozen meanwhile', async () => {
    const frozen = await startBeacon(files.relayArgs());
    const bridge = await dialAs('park', frozen.port);
    const broker = await dialAs('connect', frozen.port, { early: 'early' });
    const { pairId } = await bridge.expect('offer');
    frozen.kill('SIGSTOP');
    bridge.send({ type: 'accept', pairId });
    await sleep(ACCEPT_TIMEOUT_MS + 500);
    frozen.kill('SIGCONT');
    await broker.expect('paired');
    expect(await bridge.opaque(5)).toBe('early');
    await frozen.kill();
  });

  it('tells its clients when it is asked to stop, and ends with 0', async () => {
    const stopping = await startBeacon(files.relayArgs());
    const bridge = await dialAs('park', stopping.port);
    const broker = await dialAs('connect', stopping.port, { more: { wanted: Buffer.alloc(16) } });
    await broker.expect('waiting');
    const stopped = stopping.stop();
    expect(await broker.expect('refused')).toMatchObject({ code: 'draining' });
    expect(await bridge.expect('draining')).toEqual({ type: 'draining', node: expect.any(String) });
    await bridge.expect('goaway');
    for (const client of [bridge, broker]) client.end();
    expect(await stopped).toEqual({ code: 0, signal: null });
  });
});

it('ends with 2 and one line where a person must correct something', async () => {
  const pair = ['--tls-cert', files.file('relay.crt'), '--tls-key', files.file('relay.key')];
  const { code, out, error } = await runBeacon(['relay', '--addr', `127.0.0.1:${relay.port}`, ...pair]);
  expect([code, out]).toEqual([2, '']);
  const lines = error.trimEnd().split('\n');
  expect(lines.filter((line) => !line.startsWith('{'))).toEqual([expect.stringContaining('is in use')]);
});

it('has as many descriptors as before all that, and still pairs', async () => {
  await expect.poll(() => relay.descriptors(), { timeout: 5_000, interval: 10 }).toBe(before);
  await pairOnce(relay.port);
});
