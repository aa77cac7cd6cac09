import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { makePki } from '../../support/certificates.ts';
import { openDoor, tlsClient } from '../../support/door.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { closed } from '../../support/streams.ts';

checkLeaks();

describe('the chain of a TLS link', () => {
  it.each([
    ['is read once and kept when the connection is gone', true, 1],
    ['is empty when nobody asked in time', false, 0],
  ])('%s', async (_name, early, length) => {
    const { broker } = makePki();
    const door = await openDoor();
    const client = tlsClient(door.port, { cert: broker.certificate, key: broker.key });
    await once(client, 'secureConnect');
    expect(await settled(() => door.links.length === 1)).toBe(true);
    const [link] = door.links;
    if (early) expect(link?.peerChain).toEqual([broker.der]);
    link?.reset();
    if (link) await closed(link.stream);
    expect(link?.peerChain).toHaveLength(length);
  });
});
