/** The info_hash of a certificate; its form as text is in base/info-hash.ts. */
import { createHash } from 'node:crypto';
import { BeaconError } from '../base/errors.ts';
import { type InfoHash, infoHashFromBytes } from '../base/info-hash.ts';
import { readCertificate } from './certificate.ts';
import { certificatesInPem } from './pem.ts';

/** SHA-256 over the DER of the first certificate in a PEM, or of the one that is given as DER. Throws `config`. */
export function infoHashOfCertificate(pemOrDer: Buffer | string): InfoHash {
  return infoHashFromBytes(createHash('sha256').update(firstCertificate(pemOrDer)).digest());
}

/** DER of the first certificate of a PEM, or of the one that is given as DER. Throws `config`. */
export function firstCertificate(pemOrDer: Buffer | string): Buffer {
  const [inPem] = certificatesInPem(pemOrDer.toString('latin1'));
  const der = inPem ?? Buffer.from(pemOrDer);
  try {
    readCertificate(der);
  } catch (cause) {
    throw new BeaconError('config', 'no certificate in PEM or DER found', { cause });
  }
  return der;
}
