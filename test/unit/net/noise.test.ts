import { describe, expect, it } from 'vitest';
import { handshakeNoise } from '../../../src/net/noise.ts';

describe('handshakeNoise', () => {
  it.each([
    ['ECONNRESET', 'closed'],
    ['EPIPE', 'closed'],
    ['ERR_SSL_HTTP_REQUEST', 'notTls'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'notTls'],
    ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'tlsVersion'],
    ['ERR_SSL_NO_APPLICATION_PROTOCOL', 'alpn'],
    ['ERR_SSL_BAD_KEY_SHARE', 'handshake'],
    // Not a name of an object's own.
    ['constructor', 'handshake'],
  ])('calls %s %s', (code, reason) => {
    expect(handshakeNoise({ code })).toBe(reason);
  });

  it.each([undefined, null, 'text', {}])('calls %s a failed handshake', (error) => {
    expect(handshakeNoise(error)).toBe('handshake');
  });
});
