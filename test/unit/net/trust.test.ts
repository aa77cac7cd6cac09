import { createHash, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checksChain, clientContext, fitsPin } from '../../../src/net/trust.ts';
import { makePki } from '../../support/certificates.ts';

const PIN = { kind: 'cert', sha256: '0'.repeat(64) } as const;
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('checksChain', () => {
  it.each([
    [{}, true],
    [{ pins: [] }, true],
    [{ ca: ['PEM'] }, true],
    [{ ca: ['PEM'], pins: [PIN] }, true],
    // No authority at all is an authority nobody has, not a reason to look away.
    [{ ca: [], pins: [PIN] }, true],
    [{ pins: [PIN] }, false],
  ])('for %o is %s', (trust, expected) => {
    expect(checksChain(trust)).toBe(expected);
  });
});

describe('fitsPin', () => {
  const { relay, bridge } = makePki();
  const key = new X509Certificate(relay.der).publicKey.export({ type: 'spki', format: 'der' });

  it('compares the whole certificate or its public key', () => {
    expect(fitsPin(relay.der, { kind: 'cert', sha256: sha256(relay.der) })).toBe(true);
    expect(fitsPin(relay.der, { kind: 'key', sha256: sha256(key) })).toBe(true);
  });

  it('takes neither for the other, nor another certificate', () => {
    expect(fitsPin(relay.der, { kind: 'key', sha256: sha256(relay.der) })).toBe(false);
    expect(fitsPin(relay.der, { kind: 'cert', sha256: sha256(key) })).toBe(false);
    expect(fitsPin(bridge.der, { kind: 'cert', sha256: sha256(relay.der) })).toBe(false);
    expect(fitsPin(bridge.der, { kind: 'key', sha256: sha256(key) })).toBe(false);
  });
});

describe('clientContext', () => {
  const { relayCa, broker } = makePki();
  const ca = [relayCa.certificate];
  const identity = { certPem: broker.certificate, keyPem: broker.key };

  it('is made once for the same authorities, identity and version', () => {
    const context = clientContext({ ca }, identity, 'TLSv1.3');
    expect(clientContext({ ca, pins: [] }, identity, 'TLSv1.3')).toBe(context);
    expect(clientContext({ ca }, undefined, 'TLSv1.3')).not.toBe(context);
    expect(clientContext({ ca }, identity, 'TLSv1.2')).not.toBe(context);
    expect(clientContext({ ca: [...ca] }, identity, 'TLSv1.3')).not.toBe(context);
    expect(clientContext({}, identity, 'TLSv1.3')).toBe(clientContext({}, identity, 'TLSv1.3'));
    expect(clientContext({ pins: [PIN] }, identity, 'TLSv1.3')).not.toBe(
      clientContext({}, identity, 'TLSv1.3'),
    );
  });

  it('refuses an identity that cannot be used', () => {
    const wrong = { certPem: broker.certificate, keyPem: makePki().bridge.key };
    expect(() => clientContext({ ca }, wrong, 'TLSv1.3')).toThrowError(
      expect.objectContaining({ code: 'config' }),
    );
  });
});
