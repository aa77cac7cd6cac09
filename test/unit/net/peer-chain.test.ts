import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { extend, type Minted, mint } from '../../support/certificates.ts';
import { openDoor, tlsClient } from '../../support/door.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';

checkLeaks();

/** The chain that a server sees of a client which sends these, the first being its own. */
async function seen(...sent: Minted[]): Promise<readonly Buffer[] | undefined> {
  const door = await openDoor();
  const cert = sent.map(({ certificate }) => certificate).join('');
  const client = tlsClient(door.port, { cert, key: sent[0]?.key });
  await once(client, 'secureConnect');
  expect(await settled(() => door.links.length === 1)).toBe(true);
  return door.links[0]?.peerChain;
}

const ders = (...minted: Minted[]): Buffer[] => minted.map(({ der }) => der);

describe('peerChain', () => {
  const root = mint({ subject: 'root', extensions: [extend.ca(true)] });
  const middle = mint({ subject: 'middle', issuer: root, extensions: [extend.ca(true)] });
  const leaf = mint({ subject: 'leaf', issuer: middle });
  const stranger = mint({ subject: 'stranger' });

  it('is what was sent, root included', async () => {
    expect(await seen(leaf, middle, root)).toEqual(ders(leaf, middle, root));
  });

  it('is neither sorted nor completed nor cleaned', async () => {
    expect(await seen(leaf, root, middle)).toEqual(ders(leaf, root, middle));
    expect(await seen(leaf, stranger)).toEqual(ders(leaf, stranger));
    expect(await seen(leaf)).toEqual(ders(leaf));
  });

  it('does not run in circles on a certificate that issued itself', async () => {
    expect(await seen(root)).toEqual(ders(root));
    expect(await seen(root, root)).toEqual(ders(root, root));
  });
});
