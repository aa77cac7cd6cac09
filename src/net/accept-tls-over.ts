/** TLS 1.3 with certificates on both sides, inside a stream of our own: the inner mTLS of a tunnel. Server side. */
import type { Duplex } from 'node:stream';
import { createServer } from 'node:tls';
import { serverContext } from './server-context.ts';
import { type InnerTls, type InnerTlsOptions, innerHandshake } from './tls-over.ts';

export interface AcceptTlsOverOptions extends InnerTlsOptions {
  /** Authorities, PEM, that the client's certificate must chain to. */
  readonly ca: readonly string[];
}

/** TLS over `below`. Throws `timeout`, or `closed` with what OpenSSL said as its cause; `below` is destroyed then. */
export function acceptTlsOver(below: Duplex, options: AcceptTlsOverOptions): Promise<InnerTls> {
  return innerHandshake(below, options, (done, fail) => {
    // Only a tls.Server rejects: a TLSSocket made by hand with rejectUnauthorized lets every certificate in.
    const server = createServer({
      ...serverContext(options.identity, 'TLSv1.3'),
      ca: [...options.ca],
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: [options.alpn],
    });
    server.once('secureConnection', done);
    server.on('tlsClientError', fail);
    server.emit('connection', below);
  });
}
