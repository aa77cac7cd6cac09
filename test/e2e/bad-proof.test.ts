/** Each rule of the proof broken once, by certificates that go through a real TLS handshake with a real relay. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { infoHashBytes } from '../../src/base/info-hash.ts';
import type { Role } from '../../src/wire/frames.ts';
import {
  ANY_USAGE,
  BIT,
  CLIENT_AUTH,
  extend,
  keyPair,
  type Minted,
  mint,
  SERVER_AUTH,
} from '../support/certificates.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../support/processes.ts';
import {
  authority,
  BRIDGE,
  BROKER,
  bridge,
  CA,
  HOUR_MS,
  infoHashOf,
  intermediate,
  LEAF,
  wallMs,
} from '../support/proof.ts';
import { cutClients, hello, WireClient } from '../support/wire-client.ts';

let files: PkiDirectory;
let relay: BeaconProcess;

beforeAll(async () => {
  files = await makePkiDirectory();
  relay = await startBeacon(files.relayArgs());
});
afterAll(async () => {
  await relay?.kill();
  await files?.remove();
});

type Chain = readonly Minted[];

/** What the relay says to a client that parks (or connects) with this chain, under the hash of its last certificate. */
async function present(chain: Chain, role: Role, root?: Minted): Promise<[string, string]> {
  const last = root ?? chain.at(-1);
  const [leaf] = chain;
  if (!leaf || !last) expect.unreachable();
  const client = await WireClient.dial(relay.port, {
    identity: { certificate: chain.map(({ certificate }) => certificate).join(''), key: leaf.key },
    // What is weak must leave our own OpenSSL.
    tls: { ciphers: 'DEFAULT@SECLEVEL=0' },
  });
  client.send(hello(role, { infoHash: infoHashBytes(infoHashOf(last.der)) }));
  const answer = await client.frame();
  client.close();
  return answer.type === 'refused' ? [answer.code, answer.text] : [answer.type, ''];
}

const past = { notBeforeMs: wallMs - 2 * HOUR_MS, notAfterMs: wallMs - HOUR_MS };
const future = { notBeforeMs: wallMs + HOUR_MS, notAfterMs: wallMs + 2 * HOUR_MS };
const ca = authority();
const unknown = extend.raw('1.2.3.4.5', true, Buffer.of(5, 0));
const constraints = extend.raw('2.5.29.30', true, Buffer.from('300da00b3009820765782e74657374', 'hex'));

/** A leaf under a good CA, and a good leaf under a CA. */
const withLeaf = (options: Parameters<typeof mint>[0]): Chain => [bridge(ca, options), ca];
const withCa = (root: Minted): Chain => [bridge(root), root];

function forgedByBroker(): Chain {
  const broker = mint({
    subject: 'broker',
    issuer: ca,
    extensions: [extend.usages(CLIENT_AUTH), extend.dns(BROKER)],
  });
  return [bridge(broker), broker, ca];
}

function throughFive(): Chain {
  const chain = [ca];
  for (let level = 0; level < 3; level += 1)
    chain.unshift(intermediate(chain[0] ?? ca, { subject: `ca ${level}` }));
  return [bridge(chain[0] ?? ca), ...chain];
}

it.each<[string, () => Chain, Role, RegExp]>([
  ['a chain that a broker made itself', forgedByBroker, 'park', /2 of 3 is not a CA/],
  ['the CA alone', () => [ca], 'park', /only the bridge CA/],
  ['five certificates', throughFive, 'park', /more than 4/],
  [
    'more than 16 KiB',
    () => withLeaf({ extensions: [...LEAF, extend.raw('1.2.3.4', false, Buffer.alloc(16_000))] }),
    'park',
    /larger than 16384/,
  ],
  ['a leaf whose time is over', () => withLeaf(past), 'park', /expired/],
  ['a leaf whose time has not come', () => withLeaf(future), 'park', /not valid yet/],
  ['a CA whose time is over', () => withCa(authority(past)), 'park', /expired/],
  [
    'a CA without CA:TRUE',
    () => withCa(authority({ extensions: [extend.ca(false)] })),
    'park',
    /2 of 2 is not a CA/,
  ],
  [
    'a CA that may not sign certificates',
    () => withCa(authority({ extensions: [extend.ca(true), extend.keyUsage(BIT.crlSign)] })),
    'park',
    /2 of 2 is not a CA/,
  ],
  [
    'a CA for clients only',
    () => withCa(authority({ extensions: [...CA, extend.usages(CLIENT_AUTH)] })),
    'park',
    /may not issue certificates for serverAuth/,
  ],
  [
    'a path that is too long',
    () => {
      const root = authority({ extensions: [extend.ca(true, 0)] });
      const middle = intermediate(root);
      return [bridge(middle), middle, root];
    },
    'park',
    /allows fewer CAs below it/,
  ],
  [
    'a leaf of another issuer',
    () => withLeaf({ issuerName: 'somebody else' }),
    'park',
    /not issued by the one after it/,
  ],
  [
    'a leaf that another CA of the same name signed',
    () => [bridge(authority()), ca],
    'park',
    /not signed by the one after it/,
  ],
  ['SHA-1', () => withLeaf({ hash: 'sha1' }), 'park', /not signed with SHA-256/],
  ['RSA of 1,024 bits', () => withLeaf({ keys: keyPair('rsa1024') }), 'park', /key that is not accepted/],
  ['an unknown critical extension', () => withLeaf({ extensions: [...LEAF, unknown] }), 'park', /critical/],
  [
    'name constraints',
    () => withCa(authority({ extensions: [...CA, constraints] })),
    'park',
    /name constraints/,
  ],
  [
    'a leaf that is a CA',
    () => withLeaf({ extensions: [...LEAF, ...CA] }),
    'park',
    /first certificate is a CA/,
  ],
  ['a leaf without usages', () => withLeaf({ extensions: [extend.dns(BRIDGE)] }), 'park', /usage/],
  [
    'a leaf for any usage',
    () => withLeaf({ extensions: [extend.dns(BRIDGE), extend.usages(ANY_USAGE)] }),
    'park',
    /usage|anyExtendedKeyUsage/,
  ],
  [
    'a leaf with the usage of a client',
    () => withLeaf({ extensions: [extend.dns(BRIDGE), extend.usages(CLIENT_AUTH)] }),
    'park',
    /serverAuth/,
  ],
  [
    'a leaf with the name of a broker',
    () => withLeaf({ extensions: [extend.dns(BROKER), extend.usages(SERVER_AUTH)] }),
    'park',
    /bridge\.beacon\.internal/,
  ],
  ['a bridge that connects', () => withLeaf({}), 'connect', /clientAuth/],
])('%s is no proof', async (_name, chain, role, text) => {
  expect(await present(chain(), role)).toEqual(['proofInvalid', expect.stringMatching(text)]);
});

it('the chain of another CA is no proof for this info_hash', async () => {
  const answer = await present(withCa(authority()), 'park', ca);
  expect(answer).toEqual(['proofInvalid', expect.stringMatching(/not the bridge CA/)]);
});

it('a good chain is one, and the relay has survived all others', async () => {
  expect(await present(withLeaf({}), 'park')).toEqual(['parked', '']);
  cutClients();
  expect(relay.lines.filter(({ level }) => level !== 'info' && level !== 'debug')).toEqual([
    expect.objectContaining({ msg: expect.stringContaining('any CA may use this relay') }),
  ]);
  expect(await relay.stop()).toEqual({ code: 0, signal: null });
});
