/** The text around DER (RFC 7468): one file may hold several certificates, leaf first. */

const CERTIFICATE = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/g;
const LINE_CHARACTERS = 64;

/** DER of every certificate in `text`, in order; empty where there is none. What else the text holds is passed over. */
export function certificatesInPem(text: string): Buffer[] {
  return [...text.matchAll(CERTIFICATE)].map(([, base64 = '']) => Buffer.from(base64, 'base64'));
}

export function certificateToPem(der: Uint8Array): string {
  const base64 = Buffer.from(der).toString('base64');
  const lines = base64.match(new RegExp(`.{1,${LINE_CHARACTERS}}`, 'g')) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

/** Whether the text holds a private key that needs a password, in either of its two usual forms. */
export function holdsEncryptedKey(text: string): boolean {
  return text.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----') || /^Proc-Type: 4,ENCRYPTED/m.test(text);
}
