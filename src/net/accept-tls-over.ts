/** TLS inside a stream of our own: the inner mTLS of a tunnel, server side. */
import type { Duplex } from 'node:stream';
import { createServer, type TLSSocket } from 'node:tls';
import { creatingBuffers } from './buffers.ts';
import { serverContext } from './server-context.ts';
import { type InnerTls, type InnerTlsOptions, innerHandshake } from './tls-over.ts';

export interface AcceptTlsOverOptions extends InnerTlsOptions {
  /** Authorities, PEM, that the client's certificate must chain to. */
  readonly ca: readonly string[];
}

/**
 * TLS over `below`. Throws `untrusted` when the client's certificate is refused, `timeout`, `config` when our own
 * cannot be used, or `closed`; `below` is destroyed then.
 */
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
    server.on('tlsClientError', (error, stream) => fail(rejection(stream) ?? error));
    creatingBuffers(() => server.emit('connection', below));
  });
}

/** Why OpenSSL did not like the client's certificate; Node reports such a client as one that hung up. */
function rejection(stream: TLSSocket): { readonly code: string } | undefined {
  // Declared as an Error, but it is the code of one.
  const code: unknown = stream.authorizationError;
  return typeof code === 'string' ? { code } : undefined;
}
