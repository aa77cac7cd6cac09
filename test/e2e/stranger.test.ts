/** PROTOCOL.md is enough: a client written from it alone parks, connects and exchanges bytes with a real relay. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../support/processes.ts';
import { connect, type Dial, park } from './stranger-client.ts';

let files: PkiDirectory;
let relay: BeaconProcess;

beforeAll(async () => {
  files = await makePkiDirectory();
  relay = await startBeacon(files.relayArgs());
});
afterAll(async () => {
  await relay.stop();
  await files.remove();
});

function dial(role: 'bridge' | 'broker', infoHash: string = files.pki.infoHash): Dial {
  const read = (name: string): string => readFileSync(files.file(name), 'utf8');
  return {
    port: relay.port,
    ca: read('relay-ca.crt'),
    chain: read(`${role}.crt`) + read('bridge-ca.crt'),
    key: read(`${role}.key`),
    infoHash: Buffer.from(infoHash, 'hex'),
    instance: randomBytes(16),
  };
}

/** All that comes until the end. Unlike an async iterator it leaves the other direction open. */
async function text(stream: Duplex): Promise<string> {
  let read = '';
  stream.on('data', (chunk) => {
    read += chunk;
  });
  stream.resume();
  await once(stream, 'end');
  return read;
}

it('fits on 60 lines and imports nothing of ours', () => {
  const source = readFileSync(new URL('stranger-client.ts', import.meta.url), 'utf8');
  expect(source.trimEnd().split('\n').length).toBeLessThanOrEqual(60);
  expect(source).not.toContain('../');
});

it('parks, connects, and exchanges bytes both ways until both ends', async () => {
  const bridgeSide = park(dial('bridge'), () => {});
  const broker = await connect(dial('broker'), Buffer.from('early, '));
  const bridge = await bridgeSide;
  broker.end('and late');
  expect(await text(bridge)).toBe('early, and late');
  bridge.end('answer after the half-close');
  expect(await text(broker)).toBe('answer after the half-close');
});

it('is told why it is refused', async () => {
  await expect(connect(dial('broker', 'ab'.repeat(32)), Buffer.alloc(0))).rejects.toThrow(
    'refused with code 5',
  );
});
