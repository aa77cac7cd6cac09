/** A listener that takes clients of certain authorities only: OpenSSL decides, and Node closes. */
import { describe, expect, it } from 'vitest';
import { CLIENT_AUTH, extend, type Minted, mint, SERVER_AUTH } from '../../support/certificates.ts';
import { openDoor, tlsClient } from '../../support/door.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { relayCredentials } from '../../support/net-links.ts';
import { watch } from '../../support/streams.ts';

checkLeaks();

const HOUR_MS = 3_600_000;

const authority = (subject: string): Minted => mint({ subject, extensions: [extend.ca(true)] });
const own = authority('own');
const next = authority('next');
/** The same name, another key. */
const namesake = authority('own');

const leaf = (issuer: Minted, usage = CLIENT_AUTH, more = {}): Minted =>
  mint({ subject: 'client', issuer, extensions: [extend.ca(false), extend.usages(usage)], ...more });
const shows = (...chain: readonly Minted[]) => ({
  cert: chain.map(({ certificate }) => certificate).join(''),
  key: chain[0]?.key ?? '',
});

describe('a listener with clientCa', () => {
  it.each([
    ['its authority', own],
    ['its other authority', next],
  ])('hands out a client of %s', async (_, ca) => {
    const door = await openDoor({ requestCert: false, clientCa: [own.certificate, next.certificate] });
    tlsClient(door.port, shows(leaf(ca)));
    expect(await settled(() => door.links.length === 1)).toBe(true);
    expect(door.links[0]?.peerChain.length).toBeGreaterThan(0);
    expect(door.noise).toEqual([]);
  });

  const expired = { notBeforeMs: Date.now() - 2 * HOUR_MS, notAfterMs: Date.now() - HOUR_MS };
  const early = { notBeforeMs: Date.now() + HOUR_MS, notAfterMs: Date.now() + 2 * HOUR_MS };
  const between = leaf(own);
  const strangers: Record<string, object> = {
    'no certificate': {},
    'a certificate that signed itself': shows(mint({ extensions: [extend.usages(CLIENT_AUTH)] })),
    'a certificate of another authority': shows(leaf(authority('other'))),
    'a certificate of an authority of the same name': shows(leaf(namesake)),
    'such a one together with its authority': shows(leaf(namesake), namesake),
    'a certificate for servers only': shows(leaf(own, SERVER_AUTH)),
    'a certificate signed by a client of the authority': shows(leaf(between), between),
    'an expired certificate': shows(leaf(own, CLIENT_AUTH, expired)),
    'a certificate that is not valid yet': shows(leaf(own, CLIENT_AUTH, early)),
  };
  it.each(Object.entries(strangers))('closes a client with %s', async (_, options) => {
    const door = await openDoor({ clientCa: [own.certificate] });
    const client = tlsClient(door.port, options);
    client.write('let me in');
    const seen = watch(client);
    await seen.closed;
    expect(seen.bytes).toHaveLength(0);
    expect(door.links).toEqual([]);
    expect(door.noise).toEqual([expect.stringMatching(/^(closed|handshake)$/)]);
    expect(door.clock.pending).toBe(0);
    expect(door.logged).toEqual([]);
  });

  it('still says what else is wrong', async () => {
    const door = await openDoor({ clientCa: [own.certificate] });
    const client = tlsClient(door.port, { ...shows(leaf(own)), ALPNProtocols: ['other/1'] });
    await watch(client).closed;
    expect(door.noise).toEqual(['alpn']);
  });

  it('does not forget it with new credentials', async () => {
    const door = await openDoor({ clientCa: [own.certificate] });
    door.listener.setCredentials(relayCredentials());
    const stranger = tlsClient(door.port, shows(leaf(namesake)));
    await watch(stranger).closed;
    expect(door.links).toEqual([]);
    tlsClient(door.port, shows(leaf(own)));
    expect(await settled(() => door.links.length === 1)).toBe(true);
    expect(door.noise).toHaveLength(1);
  });
});
