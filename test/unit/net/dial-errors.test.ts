import { describe, expect, it } from 'vitest';
import { connectError, handshakeError, RELAY_WORDS } from '../../../src/net/dial-errors.ts';

const PEER = { name: 'relay.example:443', words: RELAY_WORDS };

describe('connectError', () => {
  it.each([
    ['ECONNREFUSED', /refused/],
    ['ENOTFOUND', /unknown host/],
    ['EAI_AGAIN', /DNS/],
    ['EHOSTUNREACH', /no route/],
    ['ENETUNREACH', /no route/],
    ['ETIMEDOUT', /no answer/],
    ['ECONNRESET', /at once/],
    ['EPERM', /firewall/],
    ['ESOMETHING', /ESOMETHING/],
    [undefined, /no reason given/],
  ])('says what %s means', (code, text) => {
    const cause = { code };
    const error = connectError(PEER.name, cause);
    expect(error).toMatchObject({ code: 'unreachable', retry: true, cause });
    expect(error.message).toMatch(/^cannot reach relay\.example:443: /);
    expect(error.message).toMatch(text);
  });
});

describe('handshakeError', () => {
  it.each([
    ['SELF_SIGNED_CERT_IN_CHAIN', /self-signed/],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', /not trusted here/],
    ['CERT_SIGNATURE_FAILURE', /not trusted here/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /another name/],
    ['CERT_HAS_EXPIRED', /expired/],
    ['ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', /no certificate/],
    // OpenSSL has dozens more, and none may pass for anything but distrust.
    ['INVALID_PURPOSE', /INVALID_PURPOSE/],
    ['ERROR_IN_CERT_NOT_BEFORE_FIELD', /ERROR_IN_CERT/],
    ['CERT_REVOKED', /CERT_REVOKED/],
  ])('takes %s for distrust', (code, text) => {
    const error = handshakeError(PEER, { code });
    expect(error).toMatchObject({ code: 'untrusted', retry: false });
    expect(error.message).toMatch(text);
  });

  it.each([
    ['ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL', false, /not a beacon relay/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', false, /does not speak TLS/],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', false, /version of TLS/],
    ['ECONNRESET', true, /closed during/],
    ['EPIPE', true, /closed during/],
    ['ERR_SSL_SOMETHING_ELSE', true, /ERR_SSL_SOMETHING_ELSE/],
    [undefined, true, /no reason given/],
  ])('takes %s for a connection that was of no use', (code, retry, text) => {
    const error = handshakeError(PEER, { code });
    expect(error).toMatchObject({ code: 'closed', retry });
    expect(error.message).toMatch(text);
  });
});
