/** TLS settings of our servers. */
import { constants } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { BeaconError } from '../base/errors.ts';

export interface Credentials {
  /** Leaf first, then what clients need to build the chain. */
  readonly certPem: string;
  readonly keyPem: string;
}

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/**
 * All settings of a server's context: `setSecureContext` forgets whatever it is not given. `clientCa`: authorities, PEM,
 * that OpenSSL checks clients' certificates against. Throws `config` when certificate and key cannot be used.
 */
export function serverContext(
  { certPem, keyPem }: Credentials,
  minVersion: TlsVersion,
  clientCa: readonly string[] = [],
): SecureContextOptions {
  const options: SecureContextOptions = {
    cert: certPem,
    key: keyPem,
    // Empty where clients' chains are judged above and not by OpenSSL; undefined would load every public root.
    ca: [...clientCa],
    minVersion,
    // A resumed session shows the server the client's leaf only, without the chain that proves the info_hash.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
  checkedContext(options);
  return options;
}

/** Throws `config` with the reason when OpenSSL cannot use what it is given. */
export function checkedContext(options: SecureContextOptions): ReturnType<typeof createSecureContext> {
  try {
    return createSecureContext(options);
  } catch (cause) {
    throw new BeaconError('config', credentialsAdvice(cause), { cause });
  }
}

function credentialsAdvice(cause: unknown): string {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  return code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH'
    ? 'the certificate and the key do not belong together; name the key that the certificate was issued for'
    : 'the certificate or the key cannot be used; both must be PEM, the key without a passphrase';
}
