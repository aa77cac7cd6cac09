/** What only the real process with its real clock shows. */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACCEPT_TIMEOUT_MS } from '../../src/base/limits.ts';
import { makePkiDirectory, type PkiDirectory, runBeacon, startBeacon } from '../support/processes.ts';
import { cutClients, dialAs, hello, identityOf, WireClient } from '../support/wire-client.ts';

let files: PkiDirectory;

beforeAll(async () => {
  files = await makePkiDirectory();
});
afterAll(async () => {
  cutClients();
  await files.remove();
});

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

describe.concurrent('beacon relay', () => {
  it('serves a change of its allow file within 10 s, and keeps the old list while the new is wrong', async () => {
    const allowFile = files.file('allowed.txt');
    writeFileSync(allowFile, '# nobody yet\n');
    const relay = await startBeacon(files.relayArgs('--allow-file', allowFile));
    const before = await WireClient.dial(relay.port, { identity: identityOf('park') });
    before.send(hello('park'));
    expect(await before.expect('refused')).toMatchObject({ code: 'notAllowed' });
    writeFileSync(allowFile, `${files.pki.infoHash}\n`);
    expect(await relay.waitFor('the allow file was read again')).toMatchObject({ entries: 1 });
    await dialAs('park', relay.port);
    before.close();
    expect(await relay.kill()).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('takes an ACCEPT that came in time, though it was frozen meanwhile', async () => {
    const relay = await startBeacon(files.relayArgs());
    const bridge = await dialAs('park', relay.port);
    const broker = await dialAs('connect', relay.port, { early: 'early' });
    const { pairId } = await bridge.expect('offer');
    process.kill(relay.pid, 'SIGSTOP');
    bridge.send({ type: 'accept', pairId });
    await sleep(ACCEPT_TIMEOUT_MS + 500);
    process.kill(relay.pid, 'SIGCONT');
    await broker.expect('paired');
    expect(await bridge.opaque(5)).toBe('early');
    await relay.kill();
  });

  it('tells its clients when it is asked to stop, and ends with 0', async () => {
    const relay = await startBeacon(files.relayArgs());
    const [bridge, broker] = await Promise.all([
      dialAs('park', relay.port),
      dialAs('connect', relay.port, { more: { wanted: Buffer.alloc(16) } }),
    ]);
    await broker.expect('waiting');
    const stopped = relay.stop();
    for (const client of [bridge, broker]) {
      expect(await client.expect('refused')).toMatchObject({ code: 'draining' });
      client.end();
    }
    expect(await stopped).toEqual({ code: 0, signal: null });
  });

  it('ends with 2 and one line where a person must correct something', async () => {
    const relay = await startBeacon(files.relayArgs());
    const busy = ['--addr', `127.0.0.1:${relay.port}`];
    const pair = ['--tls-cert', files.file('relay.crt'), '--tls-key', files.file('relay.key')];
    const { code, out, error } = await runBeacon(['relay', ...busy, ...pair]);
    expect([code, out]).toEqual([2, '']);
    const lines = error.trimEnd().split('\n');
    expect(lines.filter((line) => !line.startsWith('{'))).toEqual([expect.stringContaining('is in use')]);
    await relay.kill();
  });
});
