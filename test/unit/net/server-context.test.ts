import { constants } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { serverContext } from '../../../src/net/server-context.ts';
import { makePki } from '../../support/certificates.ts';

describe('serverContext', () => {
  const { relay, bridge } = makePki();
  const good = { certPem: relay.certificate, keyPem: relay.key };

  it('names every setting, as setSecureContext forgets the others', () => {
    expect(serverContext(good, 'TLSv1.3')).toEqual({
      cert: relay.certificate,
      key: relay.key,
      ca: [],
      minVersion: 'TLSv1.3',
      secureOptions: constants.SSL_OP_NO_TICKET,
    });
  });

  it.each([
    ['key of another certificate', { ...good, keyPem: bridge.key }, /do not belong together/],
    ['certificate that is none', { ...good, certPem: 'none' }, /must be PEM/],
    ['key that is none', { ...good, keyPem: 'none' }, /must be PEM/],
  ])('refuses a %s, and repeats nothing of it', (_name, credentials, text) => {
    expect(() => serverContext(credentials, 'TLSv1.3')).toThrowError(
      expect.objectContaining({ code: 'config', message: expect.stringMatching(text) }),
    );
  });
});
