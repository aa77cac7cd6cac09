import { connect } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { acceptTlsOver } from '../../../src/net/accept-tls-over.ts';
import { extend, makePki, mint } from '../../support/certificates.ts';
import { checkLeaks } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { memoryLinks } from '../../support/memory-link.ts';
import { closed, watch } from '../../support/streams.ts';

checkLeaks();

describe('acceptTlsOver', () => {
  const { bridge, bridgeCa, broker } = makePki();
  const forged = mint({ subject: 'broker', extensions: [extend.dns('broker.beacon.internal')] });
  const options = (clock: ManualClock) => ({
    ca: [bridgeCa.certificate],
    identity: { certPem: bridge.certificate + bridgeCa.certificate, keyPem: bridge.key },
    alpn: 'h2',
    timeoutMs: 10_000,
    clock,
  });

  it.each([
    ['a certificate of nobody', { cert: forged.certificate, key: forged.key }],
    ['no certificate', {}],
  ])('refuses a client with %s and reads nothing of it', async (_name, identity) => {
    const clock = new ManualClock();
    const [below, far] = memoryLinks();
    const accepted = acceptTlsOver(far.stream, options(clock));
    // A client sends as soon as it likes: TLS 1.3 lets it before the server has seen its certificate.
    const client = connect({
      socket: below.stream,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
      ...identity,
    });
    client.on('error', () => {});
    client.write('let me in');
    await expect(accepted).rejects.toMatchObject({ code: 'untrusted', retry: false });
    await closed(far.stream);
    client.destroy();
    expect(clock.pending).toBe(0);
  });

  it('lets in a client of the CA, so the refusals above say something', async () => {
    const clock = new ManualClock();
    const [below, far] = memoryLinks();
    const accepted = acceptTlsOver(far.stream, options(clock));
    const client = connect({
      socket: below.stream,
      ca: bridgeCa.certificate,
      servername: 'bridge.beacon.internal',
      ALPNProtocols: ['h2'],
      cert: broker.certificate + bridgeCa.certificate,
      key: broker.key,
    });
    client.end('let me in');
    const { stream, peerChain } = await accepted;
    expect(peerChain).toEqual([broker.der, bridgeCa.der]);
    const seen = watch(stream);
    await seen.ended;
    expect(seen.bytes.toString()).toBe('let me in');
    stream.destroy();
    client.destroy();
    far.reset();
  });
});
