/** Who may be at the other end of a tunnel: everybody else is refused inside, before a byte of a stream is sent. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { BeaconError, systemCode } from '../../../src/base/errors.ts';
import { INNER_HANDSHAKE_TIMEOUT_MS, LEG_LINGER_MS } from '../../../src/base/limits.ts';
import { acceptTlsOver } from '../../../src/net/accept-tls-over.ts';
import { connectTlsOver } from '../../../src/net/tls-over.ts';
import { infoHashOfCertificate } from '../../../src/pki/info-hash.ts';
import type { BridgeTunnel } from '../../../src/tunnel/bridge-tunnel.ts';
import type { BrokerTunnel } from '../../../src/tunnel/broker-tunnel.ts';
import { BRIDGE_NAME, INNER_ALPN, type TunnelIdentity } from '../../../src/tunnel/http2.ts';
import type { SessionStream } from '../../../src/tunnel/session-stream.ts';
import { BIT, CLIENT_AUTH, extend, makePki, mint, SERVER_AUTH } from '../../support/certificates.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type MemoryLink, memoryLinks } from '../../support/memory-link.ts';
import { bridgeSide, brokerStream } from '../../support/session-pair.ts';
import { watch } from '../../support/streams.ts';
import { acceptTunnel, identityOf, openTunnel } from '../../support/tunnels.ts';

checkLeaks();

interface Meeting {
  /** The code with which each end failed; undefined: it has a tunnel. */
  readonly broker: string | undefined;
  readonly bridge: string | undefined;
}

async function meet(broker: TunnelIdentity, bridge: TunnelIdentity): Promise<Meeting> {
  const [a, b] = links();
  const outcome = async (tunnel: Promise<BrokerTunnel | BridgeTunnel>): Promise<string | undefined> => {
    try {
      const made = await tunnel;
      const { closed } = made;
      onTestFinished(() => made.destroy());
      // In TLS 1.3 a client is done before the server has judged it: it learns a moment later.
      const cut = await Promise.race([closed.then(() => true), settled(() => false, 200)]);
      return cut ? 'cut' : undefined;
    } catch (error) {
      return systemCode(error);
    }
  };
  const [atBroker, atBridge] = await Promise.all([
    outcome(openTunnel(a, broker)),
    outcome(
      acceptTunnel(b, bridge, () => Promise.reject(new BeaconError('unknownTarget', 'none')), {
        onStream: () => {},
        onRefused: () => {},
      }),
    ),
  ]);
  return { broker: atBroker, bridge: atBridge };
}

function links(): [MemoryLink, MemoryLink] {
  const [a, b] = memoryLinks();
  onTestFinished(() => {
    a.reset();
    b.reset();
  });
  return [a, b];
}

/** The bridge's end of the session that is begun on `link`. */
function begunOn(link: MemoryLink): Promise<SessionStream> {
  const side = bridgeSide(systemClock);
  const begun = side.begun();
  side.sessions.accept(link);
  return begun;
}

/** What somebody has who stole a broker's key: a leaf for the bridge's role, signed by it. */
function mintedByABroker(): TunnelIdentity {
  const { broker, bridgeCa } = makePki();
  const privateKey = createPrivateKey(broker.key);
  const issuer = {
    ...broker,
    privateKey,
    publicKey: createPublicKey(broker.key),
    subject: 'beacon broker',
  };
  const leaf = mint({
    subject: 'beacon bridge',
    issuer,
    extensions: [
      extend.ca(false),
      extend.keyUsage(BIT.digitalSignature),
      extend.usages(SERVER_AUTH),
      extend.dns(BRIDGE_NAME),
    ],
  });
  return {
    ...identityOf('bridge'),
    certPem: leaf.certificate + broker.certificate + bridgeCa.certificate,
    keyPem: leaf.key,
  };
}

/** A leaf under the right CA, with these usages (none: every use) and this name. */
function leafOf(name: string, ...usages: string[]): TunnelIdentity {
  const { bridgeCa } = makePki();
  const issuer = {
    ...bridgeCa,
    publicKey: createPublicKey(bridgeCa.certificate),
    subject: 'beacon bridge ca',
  };
  const extensions = [extend.ca(false), extend.dns(name)];
  const leaf = mint({
    issuer,
    extensions: usages.length > 0 ? [...extensions, extend.usages(...usages)] : extensions,
  });
  return { ...identityOf('bridge'), certPem: leaf.certificate + bridgeCa.certificate, keyPem: leaf.key };
}

describe('a tunnel', () => {
  it('is made between a broker and a bridge of one CA', async () => {
    expect(await meet(identityOf('broker'), identityOf('bridge'))).toEqual({
      broker: undefined,
      bridge: undefined,
    });
  });

  it('is made between two CAs where both ends accept both, and not where one end does not', async () => {
    const other = makePki({ fresh: true });
    const both = {
      caPem: makePki().bridgeCa.certificate + other.bridgeCa.certificate,
      accepts: [makePki().infoHash, other.infoHash],
    };
    const own = identityOf('bridge');
    const stranger = identityOf('broker', other);
    expect(await meet({ ...stranger, ...both }, { ...own, ...both })).toEqual({
      broker: undefined,
      bridge: undefined,
    });
    expect((await meet({ ...stranger, ...both }, own)).bridge).toBe('untrusted');
    expect((await meet(stranger, { ...own, ...both })).broker).toBe('untrusted');
    // OpenSSL would let these in: the hashes decide.
    const accepts = [makePki().infoHash];
    expect((await meet({ ...stranger, ...both }, { ...own, ...both, accepts })).bridge).toBe('untrusted');
  });

  it('is refused to a broker of another CA that knows this one', async () => {
    const other = makePki({ fresh: true });
    const stranger = {
      ...identityOf('broker', other),
      caPem: makePki().bridgeCa.certificate,
      infoHash: makePki().infoHash,
      accepts: [makePki().infoHash],
    };
    const { broker, bridge } = await meet(stranger, identityOf('bridge'));
    expect(bridge).toMatch(/untrusted|closed/);
    expect(broker).toBe('cut');
  });

  it('is refused by a broker that is spliced to a bridge of another CA', async () => {
    const other = identityOf('bridge', makePki({ fresh: true }));
    expect((await meet(identityOf('broker'), other)).broker).toBe('untrusted');
  });

  it('is refused to a bridge certificate in the role of a broker', async () => {
    const { broker, bridge } = await meet(identityOf('bridge'), identityOf('bridge'));
    expect(bridge).toMatch(/untrusted|closed/);
    expect(broker).toBe('cut');
  });

  it('is refused to a broker certificate in the role of a bridge', async () => {
    expect((await meet(identityOf('broker'), identityOf('broker'))).broker).toBe('untrusted');
  });

  it("is refused to a bridge's leaf that a broker's key has signed", async () => {
    const impostor = mintedByABroker();
    expect(infoHashOfCertificate(makePki().bridgeCa.der)).toBe(impostor.infoHash);
    expect((await meet(identityOf('broker'), impostor)).broker).toBe('untrusted');
  });

  it('is refused to another name in the role of a bridge', async () => {
    const { broker } = await meet(identityOf('broker'), leafOf('other.beacon.internal', SERVER_AUTH));
    expect(broker).toBe('untrusted');
  });

  // OpenSSL takes these two; the rules of the proof do not.
  it('is refused to a leaf without a usage in the role of a bridge', async () => {
    expect((await meet(identityOf('broker'), leafOf(BRIDGE_NAME))).broker).toBe('untrusted');
  });

  it('is refused to another name in the role of a broker', async () => {
    const { broker, bridge } = await meet(leafOf(BRIDGE_NAME, CLIENT_AUTH), identityOf('bridge'));
    expect(bridge).toBe('untrusted');
    expect(broker).toBe('cut');
  });

  it('aborts the session of whom it refuses, and closes the link', async () => {
    const [a, b] = links();
    const seen = watch(b.stream);
    const opening = openTunnel(a, identityOf('broker'));
    const peer = await begunOn(b);
    const atPeer = watch(peer);
    const accepting = acceptTlsOver(peer, {
      ca: [makePki().bridgeCa.certificate],
      identity: mintedByABroker(),
      alpn: INNER_ALPN,
      timeoutMs: INNER_HANDSHAKE_TIMEOUT_MS,
      clock: systemClock,
    }).catch(() => undefined);
    await expect(opening).rejects.toMatchObject({ code: 'untrusted' });
    await seen.closed;
    expect(atPeer.events).toEqual(['error:closed', 'close']);
    expect(peer.errored?.message).toBe('the other end gave the tunnel up');
    await accepting;
  });

  it('says nothing to an impostor before it has judged it', async () => {
    const [a, b] = links();
    const opening = openTunnel(a, identityOf('broker'));
    const accepting = acceptTlsOver(await begunOn(b), {
      ca: [makePki().bridgeCa.certificate],
      // OpenSSL takes this leaf, so that the handshake is done before it is refused.
      identity: leafOf(BRIDGE_NAME),
      alpn: INNER_ALPN,
      timeoutMs: INNER_HANDSHAKE_TIMEOUT_MS,
      clock: systemClock,
    }).then(
      ({ stream }) => watch(stream),
      () => undefined,
    );
    await expect(opening).rejects.toMatchObject({ code: 'untrusted' });
    const heard = await accepting;
    await heard?.closed;
    expect(heard?.bytes.length ?? 0).toBe(0);
    expect(heard?.events ?? []).not.toContain('end');
  });

  it('says nothing to a stranger that it has not judged yet', async () => {
    const [a, b] = links();
    const other = makePki({ fresh: true });
    const accepting = acceptTunnel(
      b,
      identityOf('bridge'),
      () => Promise.reject(new BeaconError('internal', '')),
      {
        onStream: () => {},
        onRefused: () => {},
      },
    );
    const stranger = await connectTlsOver(brokerStream(a, systemClock), {
      identity: identityOf('broker', other),
      trust: { ca: [makePki().bridgeCa.certificate] },
      servername: BRIDGE_NAME,
      alpn: INNER_ALPN,
      timeoutMs: INNER_HANDSHAKE_TIMEOUT_MS,
      clock: systemClock,
    });
    const heard = watch(stranger.stream);
    stranger.stream.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await expect(accepting).rejects.toBeInstanceOf(BeaconError);
    await heard.closed;
    expect(heard.bytes).toHaveLength(0);
    expect(heard.events).not.toContain('end');
  });

  it.each(['broker', 'bridge'] as const)(
    `is given up by the %s after ${INNER_HANDSHAKE_TIMEOUT_MS} ms of silence`,
    async (side) => {
      const [a, b] = links();
      const clock = new ManualClock(systemClock.wall());
      const atPeer = watch(b.stream);
      const identity = { ...identityOf(side), clock };
      const tunnel =
        side === 'broker'
          ? openTunnel(a, identity)
          : acceptTunnel(a, identity, () => Promise.reject(new BeaconError('internal', '')), {
              onStream: () => {},
              onRefused: () => {},
            });
      const outcome = tunnel.then(
        () => 'open',
        (error: unknown) => systemCode(error),
      );
      await clock.advanceAsync(INNER_HANDSHAKE_TIMEOUT_MS - 1);
      expect(atPeer.events).toEqual([]);
      await clock.advanceAsync(1);
      expect(await outcome).toBe('timeout');
      await settled(() => atPeer.events.length > 0);
      // A broker says that it gives the session up, and ends the leg; a bridge has none yet to give up.
      const last = side === 'broker' ? ['end'] : [];
      expect(atPeer.events.slice(0, 1)).toEqual(side === 'broker' ? last : ['error:ECONNRESET']);
      await clock.advanceAsync(LEG_LINGER_MS);
      await atPeer.closed;
      expect(atPeer.events).toEqual([...last, 'error:ECONNRESET', 'close']);
      expect(clock.pending).toBe(0);
    },
  );

  it('is refused to another version of its framing', async () => {
    const [a, b] = links();
    b.stream.resume();
    const opening = openTunnel(a, identityOf('broker'));
    b.stream.write(Buffer.of(9));
    await expect(opening).rejects.toBeInstanceOf(BeaconError);
  });
});
