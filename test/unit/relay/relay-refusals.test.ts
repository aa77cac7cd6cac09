/** Whom a relay refuses, and with which words. */
import { afterEach, describe, expect, it } from 'vitest';
import type { InfoHash } from '../../../src/base/info-hash.ts';
import { ProofMemory } from '../../../src/pki/proof-memory.ts';
import { encodeClientFrame } from '../../../src/wire/encode.ts';
import type { Hello } from '../../../src/wire/frames.ts';
import { makePki } from '../../support/certificates.ts';
import { checkLeaks } from '../../support/leaks.ts';
import { startRelay } from '../../support/relay.ts';
import { acceptOffer, cutClients, dialAs, hello, identityOf, WireClient } from '../../support/wire-client.ts';

checkLeaks();
afterEach(cutClients);

const pki = makePki();
const stranger = makePki({ fresh: true });

describe('refusals', () => {
  /** HELLO as bytes with some of them changed: version is byte 3, role byte 4, the length of the info_hash byte 5. */
  const changed = (at: number, value: number): Buffer => {
    const bytes = encodeClientFrame(hello('park'));
    bytes.writeUInt8(value, at);
    return bytes;
  };
  const other = identityOf('park', stranger);
  it.each<
    [string, string, Partial<Hello> | Buffer, { certificate: string; key: string } | undefined, RegExp]
  >([
    [
      'a bridge without a certificate',
      'proofRequired',
      { role: 'park' },
      undefined,
      /present the client cert/,
    ],
    ['a broker without a certificate', 'proofRequired', { role: 'connect' }, undefined, /present the client/],
    ['a bridge of another CA', 'proofInvalid', { role: 'park' }, other, /not the bridge CA/],
    [
      "a bridge with a broker's certificate",
      'proofInvalid',
      { role: 'park' },
      identityOf('connect'),
      /bridge\./,
    ],
    [
      "a broker with a bridge's certificate",
      'proofInvalid',
      { role: 'connect' },
      identityOf('park'),
      /broker\./,
    ],
    ['version 2', 'unsupportedVersion', changed(3, 2), identityOf('park'), /speaks 1/],
    ['the role bootstrap', 'unsupportedVersion', changed(4, 3), identityOf('park'), /serves 1 \(park\)/],
    [
      'an info_hash of 31 bytes',
      'malformed',
      changed(5, 31),
      identityOf('park'),
      /is 31 bytes long, must be 32/,
    ],
    [
      'an info_hash of 33 bytes',
      'malformed',
      changed(5, 33),
      identityOf('park'),
      /is 33 bytes long, must be 32/,
    ],
    ['plain text', 'malformed', Buffer.from('GET / HTTP/1.1\r\n\r\n'), undefined, /at most 1024/],
    [
      'a leg that must avoid this node',
      'avoided',
      { role: 'connect', avoid: ['relay-0'] },
      identityOf('connect'),
      /another node/,
    ],
  ])('%s is refused %s', async (_name, code, what, identity, text) => {
    const { relay, port } = await startRelay();
    const client = await WireClient.dial(port, { identity });
    client.send(Buffer.isBuffer(what) ? what : hello(what.role ?? 'park', what));
    const refused = await client.expect('refused');
    expect(refused).toEqual({
      type: 'refused',
      code,
      retryAfterMs: 0,
      text: expect.stringMatching(text),
    });
    expect(await client.ended).toBe('end');
    expect(relay.parked).toBe(0);
  });

  it.each(['hello', 'accept'] as const)('%s of a parked bridge is malformed', async (type) => {
    const { relay, port } = await startRelay();
    const bridge = await dialAs('park', port);
    bridge.send(type === 'hello' ? hello('park') : { type, pairId: Buffer.alloc(16) });
    expect(await bridge.expect('refused')).toMatchObject({ code: 'malformed' });
    expect(relay.parked).toBe(0);
  });

  it('lets brokers in without a proof where the operator allows it', async () => {
    const { port } = await startRelay({}, { allowUnproven: true });
    const bridge = await dialAs('park', port);
    const broker = await WireClient.dial(port);
    broker.send(hello('connect'));
    await acceptOffer(bridge);
    await broker.expect('paired');
  });

  it('follows the list of info_hashes as it changes', async () => {
    const allowed = new Set<InfoHash>();
    const { port } = await startRelay({}, { allowed });
    const refused = await WireClient.dial(port, { identity: identityOf('park') });
    refused.send(hello('park'));
    expect(await refused.expect('refused')).toMatchObject({ code: 'notAllowed' });
    allowed.add(pki.infoHash);
    await dialAs('park', port);
    allowed.clear();
    const later = await WireClient.dial(port, { identity: identityOf('park') });
    later.send(hello('park'));
    expect(await later.expect('refused')).toMatchObject({ code: 'notAllowed' });
  });
});

describe('a fault of ours', () => {
  it('costs one connection only', async () => {
    const memory = new ProofMemory();
    let calls = 0;
    const { lines, port } = await startRelay({
      policy: () => {
        calls += 1;
        if (calls === 2) throw new RangeError('a defect');
        return { allowUnproven: false, allowed: undefined, memory };
      },
    });
    const bridge = await dialAs('park', port);
    const unlucky = await dialAs('connect', port);
    expect(await unlucky.expect('refused')).toMatchObject({ code: 'internal' });
    const broker = await dialAs('connect', port);
    await acceptOffer(bridge);
    await broker.expect('paired');
    const errors = lines.filter(({ level }) => level === 'error');
    expect(errors).toMatchObject([{ msg: expect.stringContaining('a fault of ours') }]);
  });
});
