/** HELLO against certificates, the door and the caps together. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { type InfoHash, infoHashBytes } from '../../../src/base/info-hash.ts';
import { CONNECTIONS_PER_SOURCE, PARKS_PER_INFO_HASH } from '../../../src/base/limits.ts';
import type { Entry } from '../../../src/net/door/door.ts';
import { openEntry } from '../../../src/net/door/door.ts';
import type { Link } from '../../../src/net/link.ts';
import { ProofMemory } from '../../../src/pki/proof-memory.ts';
import { Connection } from '../../../src/relay/connection.ts';
import { Entrance } from '../../../src/relay/entrance.ts';
import type { Hello, Role } from '../../../src/wire/frames.ts';
import { makePki } from '../../support/certificates.ts';
import { ManualClock, settle } from '../../support/manual-clock.ts';
import { memoryLinks } from '../../support/memory-link.ts';

const pki = makePki();
const CHAINS = {
  park: [pki.bridge.der, pki.bridgeCa.der],
  connect: [pki.broker.der, pki.bridgeCa.der],
} as const;

function scene(allowed?: ReadonlySet<InfoHash>, allowUnproven = false) {
  const clock = new ManualClock(pki.bridge.notBeforeMs + 1_000);
  const memory = new ProofMemory();
  const entrance = new Entrance({ policy: () => ({ allowUnproven, allowed, memory }), clock });
  let lastId = 0;
  /** A client that came, and what the entrance says. */
  const come = (role: Role, { source = '192.0.2.1', proves = true } = {}) => {
    const told: string[] = [];
    const [near] = memoryLinks();
    const link: Link = {
      stream: near.stream,
      source,
      peerChain: proves ? CHAINS[role] : [],
      reset: () => near.reset(),
    };
    const entry: Entry = {
      ...openEntry(source),
      exempt: () => void told.push('exempt'),
      proved: () => {
        told.push('proved');
        return () => void told.push('ended');
      },
    };
    lastId += 1;
    const handler = {
      onHello() {},
      onPong() {},
      onAccept() {},
      onViolation() {},
      onRefused() {},
      onGone() {},
    };
    const connection = new Connection(lastId, link, entry, clock, handler);
    onTestFinished(() => link.reset());
    const verdict = entrance.judge(connection, helloOf(role));
    return { connection, told, link, outcome: verdict.admitted ? 'admitted' : verdict.code };
  };
  return { entrance, come };
}

function helloOf(role: Role): Hello {
  return {
    type: 'hello',
    version: 1,
    role,
    infoHash: infoHashBytes(pki.infoHash),
    instance: Buffer.alloc(16),
    software: '',
    wanted: undefined,
    except: [],
    avoid: [],
  };
}

describe('a proof', () => {
  it('makes its source a known one until its link closes, and is not counted where the CA is listed', async () => {
    const { come } = scene(new Set([pki.infoHash]));
    const client = come('park');
    expect([client.outcome, client.told]).toEqual(['admitted', ['proved', 'exempt']]);
    client.link.reset();
    await settle();
    expect(client.told).toEqual(['proved', 'exempt', 'ended']);
  });

  it('of a CA that nobody listed counts against the rate', () => {
    const { come } = scene();
    expect(come('park').told).toEqual(['proved']);
  });

  it('that is missing, or of a CA that is not listed, makes nobody known', () => {
    expect(scene(undefined, true).come('connect', { proves: false })).toMatchObject({
      outcome: 'admitted',
      told: [],
    });
    expect(scene(new Set()).come('park')).toMatchObject({ outcome: 'notAllowed', told: [] });
    expect(scene().come('park', { proves: false })).toMatchObject({ outcome: 'proofRequired', told: [] });
  });
});

describe('caps', () => {
  it('take the 64th park of an info_hash and refuse the 65th, until one is offered or gone', async () => {
    const { entrance, come } = scene();
    const parks = Array.from({ length: PARKS_PER_INFO_HASH }, (_, at) =>
      come('park', { source: `192.0.2.${at}` }),
    );
    expect(new Set(parks.map(({ outcome }) => outcome))).toEqual(new Set(['admitted']));
    expect(come('park', { source: '198.51.100.1' }).outcome).toBe('tooMany');
    expect(come('connect', { source: '198.51.100.1' }).outcome).toBe('admitted');
    entrance.unparked(parks[0]?.connection.id ?? 0);
    expect(come('park', { source: '198.51.100.1' }).outcome).toBe('admitted');
    expect(come('park', { source: '198.51.100.1' }).outcome).toBe('tooMany');
    parks[1]?.link.reset();
    await settle();
    expect(come('park', { source: '198.51.100.1' }).outcome).toBe('admitted');
  });

  it('take the 256th connection of a source and refuse the 257th, until one is closed', async () => {
    const { come } = scene();
    const all = Array.from({ length: CONNECTIONS_PER_SOURCE }, () => come('connect'));
    expect(new Set(all.map(({ outcome }) => outcome))).toEqual(new Set(['admitted']));
    expect(come('connect').outcome).toBe('tooMany');
    expect(come('connect', { source: '192.0.2.2' }).outcome).toBe('admitted');
    all[0]?.link.reset();
    await settle();
    expect(come('connect').outcome).toBe('admitted');
  });

  it('are not for the listed', () => {
    const { come } = scene(new Set([pki.infoHash]));
    for (let at = 0; at <= CONNECTIONS_PER_SOURCE; at += 1) expect(come('park').outcome).toBe('admitted');
  });
});
