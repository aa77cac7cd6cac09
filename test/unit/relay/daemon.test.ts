import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createLog } from '../../../src/base/log.ts';
import { type Flags, resolveSettings } from '../../../src/config/resolve.ts';
import { startRelay } from '../../../src/relay/daemon.ts';
import { makePki } from '../../support/certificates.ts';
import { checkLeaks } from '../../support/leaks.ts';
import { makePkiDirectory, type PkiDirectory } from '../../support/processes.ts';
import { acceptOffer, cutClients, dialAs, hello, identityOf, WireClient } from '../../support/wire-client.ts';

let files: PkiDirectory;

checkLeaks();
beforeEach(async () => {
  files = await makePkiDirectory();
});
afterEach(async () => {
  cutClients();
  await files.remove();
});

/** `beacon relay` on a free port with these flags and what it logged; stopped after the test. */
async function start(flags: Flags = {}) {
  const pair = { tlsCert: files.file('relay.crt'), tlsKey: files.file('relay.key') };
  const machine = { hostname: 'host-1', stderrIsTty: false };
  const settings = resolveSettings(
    'relay',
    { addr: '127.0.0.1:0', healthAddr: 'off', ...pair, ...flags },
    {},
    machine,
  );
  const lines: Record<string, unknown>[] = [];
  const log = createLog({
    level: 'info',
    format: 'json',
    write: (line) => void lines.push(JSON.parse(line)),
  });
  const relay = await startRelay(settings, log);
  onTestFinished(async () => {
    cutClients();
    // What it rejects with where it had to cut splices is for the test that does so.
    await Promise.allSettled([relay.stop()]);
  });
  return { port: relay.address.port, lines, relay };
}

function allowFile(...lines: string[]): string {
  const file = files.file('allowed.txt');
  writeFileSync(file, lines.join('\n'));
  return file;
}

const config = (text: RegExp) =>
  expect.objectContaining({ name: 'BeaconError', code: 'config', message: expect.stringMatching(text) });

describe('startRelay', () => {
  it('serves, says where, and warns that any CA may use it', async () => {
    const { port, lines } = await start({ zone: 'eu-1' });
    expect(lines.filter(({ level }) => level !== 'info')).toMatchObject([
      { level: 'warn', msg: expect.stringContaining('any CA may use this relay') },
    ]);
    expect(lines.at(-1)).toMatchObject({ msg: 'the relay is up', port, node: 'host-1', zone: 'eu-1' });
    const bridge = await dialAs('park', port);
    const broker = await dialAs('connect', port, { early: 'early' });
    await acceptOffer(bridge);
    await broker.expect('paired');
    expect(await bridge.opaque(5)).toBe('early');
  });

  it('warns of brokers without a proof, and admits them', async () => {
    const { port, lines } = await start({ allowUnproven: true });
    expect(lines[1]).toMatchObject({ level: 'warn', msg: expect.stringContaining('without a proof') });
    const broker = await WireClient.dial(port);
    broker.send(hello('connect'));
    await broker.expect('waiting');
  });

  it('serves only those in the allow file, and then warns of nothing', async () => {
    const stranger = makePki({ fresh: true });
    const { port, lines } = await start({ allowFile: allowFile(makePki().infoHash) });
    expect(lines.filter(({ level }) => level !== 'info')).toEqual([]);
    await dialAs('park', port);
    const other = await WireClient.dial(port, { identity: identityOf('park', stranger) });
    other.send(hello('park', {}, stranger));
    expect(await other.expect('refused')).toMatchObject({ code: 'notAllowed' });
  });

  it('stops: the port is free for another', async () => {
    const { port, relay } = await start();
    await relay.stop();
    await start({ addr: `127.0.0.1:${port}` });
  });

  it('that is asked to drain is to be stopped', async () => {
    const { relay } = await start();
    expect(relay.drainState).toBe('serving');
    const drained = relay.drain();
    await relay.ended;
    expect(await drained).toEqual({ cut: 0 });
    expect(relay.drainState).toBe('drained');
    await relay.stop();
  });

  it('says so where splices had to be cut', async () => {
    const { port, relay } = await start({ drainTimeout: '1' });
    const [bridge, broker] = [await dialAs('park', port), await dialAs('connect', port)];
    await acceptOffer(bridge);
    await broker.expect('paired');
    await expect(relay.stop()).rejects.toMatchObject({
      code: 'closed',
      message: expect.stringMatching(/^1 splice.*--drain-timeout/),
    });
    expect(await broker.ended).toBe('reset');
  });

  it.each<[string, () => Flags, RegExp]>([
    ['a missing certificate', () => ({ tlsCert: files.file('none.crt') }), /--tls-cert.*none\.crt/],
    ['a key of another certificate', () => ({ tlsKey: files.file('broker.key') }), /--tls-key/],
    ['a missing allow file', () => ({ allowFile: files.file('none') }), /--allow-file.*does not exist/],
    ['a mistake in the allow file', () => ({ allowFile: allowFile('# x', 'oops') }), /line 2/],
  ])('refuses %s and leaves nothing open', async (_name, flags, text) => {
    await expect(start(flags())).rejects.toEqual(config(text));
  });

  it('refuses a port in use, and closes the allow file', async () => {
    const { port } = await start();
    const again = start({ addr: `127.0.0.1:${port}`, allowFile: allowFile(makePki().infoHash) });
    await expect(again).rejects.toEqual(config(/in use/));
  });
});
