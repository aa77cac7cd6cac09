import { X509Certificate } from 'node:crypto';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  type ForwardCredentials,
  forwardCredentials,
  forwardServerName,
} from '../../../src/cluster/forward-certificates.ts';
import { LINE_A, LINE_B, secretOf } from './nodes.ts';

describe('the forward CA', () => {
  test('is the same bytes on every node, and another one for another secret', () => {
    const [one, two, other] = [
      forwardCredentials(secretOf(LINE_A), 'one'),
      forwardCredentials(secretOf(LINE_A), 'two'),
      forwardCredentials(secretOf(LINE_B), 'one'),
    ];
    expect(one.caPems).toEqual(two.caPems);
    const ca = new X509Certificate(one.caPems[0] ?? '');
    expect(ca.fingerprint256).toBe(
      'E9:39:1D:BB:47:4D:F3:AF:B3:A0:DE:87:FD:06:2D:E2:B3:06:7B:E4:B8:D3:E2:EF:38:05:CA:D6:13:BC:4F:67',
    );
    expect(ca.ca).toBe(true);
    expect(ca.verify(ca.publicKey)).toBe(true);
    const otherCa = new X509Certificate(other.caPems[0] ?? '');
    expect(otherCa.subject).not.toBe(ca.subject);
    expect(otherCa.serialNumber).not.toBe(ca.serialNumber);
  });

  test('is valid whatever the clocks say', () => {
    const { caPems, certPem } = forwardCredentials(secretOf(LINE_A), 'one');
    for (const pem of [...caPems, certPem]) {
      const certificate = new X509Certificate(pem);
      expect(certificate.validFromDate.toISOString()).toBe('2020-01-01T00:00:00.000Z');
      expect(certificate.validToDate.toISOString()).toBe('9999-12-31T23:59:59.000Z');
    }
  });
});

describe('a leaf', () => {
  test('names its node, is no CA, and is for both ends', () => {
    const { certPem, caPems } = forwardCredentials(secretOf(LINE_A), 'node-0');
    const leaf = new X509Certificate(certPem);
    const ca = new X509Certificate(caPems[0] ?? '');
    expect(leaf.subjectAltName).toBe('DNS:node-0.node.beacon.internal');
    expect(leaf.ca).toBe(false);
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect(leaf.checkIssued(ca) && leaf.verify(ca.publicKey)).toBe(true);
  });

  test('has a key and a serial number of its own at each start', () => {
    const [one, two] = [forwardCredentials(secretOf(LINE_A), 'x'), forwardCredentials(secretOf(LINE_A), 'x')];
    expect(one.keyPem).not.toBe(two.keyPem);
    expect(new X509Certificate(one.certPem).serialNumber).not.toBe(
      new X509Certificate(two.certPem).serialNumber,
    );
  });
});

test('forwardServerName: a label stays, anything else becomes a digest, and no two names share one', () => {
  expect(forwardServerName('relay-0')).toBe('relay-0.node.beacon.internal');
  const names = ['Relay-0', 'relay_0', 'relay.0', '-a', 'a-', 'x-1', 'x'.repeat(63), 'ä', '*', 'a'];
  const results = names.map(forwardServerName);
  expect(new Set(results).size).toBe(names.length);
  for (const result of results)
    expect(result).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.node\.beacon\.internal$/);
  for (const name of names.slice(0, 6)) expect(forwardServerName(name)).toMatch(/^x-[0-9a-f]{40}\./);
});

describe('TLS 1.3 with them', () => {
  test.each([
    ['the same secret', [LINE_A], [LINE_A]],
    ['the first step of a rotation', [LINE_A], [LINE_A, LINE_B]],
    ['the second step', [LINE_A, LINE_B], [LINE_B, LINE_A]],
    ['the last step', [LINE_B, LINE_A], [LINE_B]],
  ])('works both ways: %s', async (_, one, two) => {
    const [a, b] = [forwardCredentials(secretOf(...one), 'a'), forwardCredentials(secretOf(...two), 'b')];
    expect(await handshake(a, b, 'a')).toBe('TLSv1.3 b.node.beacon.internal');
    expect(await handshake(b, a, 'b')).toBe('TLSv1.3 a.node.beacon.internal');
  });

  test('fails for another secret, and for another node', async () => {
    const a = forwardCredentials(secretOf(LINE_A), 'a');
    const stranger = forwardCredentials(secretOf(LINE_B), 'a');
    expect(await handshake(stranger, a, 'a')).toMatch(/^failed/);
    expect(await handshake(a, { ...stranger, caPems: a.caPems }, 'a')).toMatch(/^failed/);
    expect(await handshake(a, a, 'b')).toBe('failed ERR_TLS_CERT_ALTNAME_INVALID');
  });
});

/** `PROTOCOL client-name` as the server sees it, or `failed CODE`. */
async function handshake(
  server: ForwardCredentials,
  client: ForwardCredentials,
  dialled: string,
): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const fail = (error: Error): void => resolve(`failed ${'code' in error ? error.code : error.message}`);
  const listener = createServer(
    { ...tlsOptions(server), requestCert: true, rejectUnauthorized: true },
    (socket) => {
      socket.on('error', () => {});
      resolve(`${socket.getProtocol()} ${socket.getPeerCertificate().subjectaltname?.replace('DNS:', '')}`);
    },
  );
  listener.on('tlsClientError', fail);
  await new Promise<void>((listening) => listener.listen(0, '127.0.0.1', listening));
  const address = listener.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const socket: TLSSocket = connect({
    ...tlsOptions(client),
    host: '127.0.0.1',
    port,
    servername: forwardServerName(dialled),
  });
  socket.on('error', fail);
  onTestFinished(() => {
    socket.destroy();
    listener.close();
  });
  return promise;
}

function tlsOptions({ certPem, keyPem, caPems }: ForwardCredentials) {
  return { cert: certPem, key: keyPem, ca: [...caPems], minVersion: 'TLSv1.3' as const };
}
