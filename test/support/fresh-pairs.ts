/** Certificates that are swapped under running processes: new ones, and ones that are of no use; and which one is served. */
import { X509Certificate } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom as random } from '../../src/base/random.ts';
import { type Issued, issueLeaf } from '../../src/pki/issue.ts';
import type { Pki } from './certificates.ts';
import type { PkiDirectory } from './processes.ts';

export type PairRole = 'relay' | 'bridge' | 'broker';

const DAY_MS = 24 * 60 * 60 * 1_000;
const HOSTS = [
  { type: 'dns', value: 'localhost' },
  { type: 'ip', value: '127.0.0.1' },
] as const;

/** Another pair for `role`, under the same CA. */
export function freshPair(pki: Pki, role: PairRole): Issued {
  return issued(pki, role, systemClock.wall());
}

/** One whose certificate expired some days ago. */
export function expiredPair(pki: Pki, role: PairRole): Issued {
  return issued(pki, role, systemClock.wall() - 40 * DAY_MS);
}

function issued({ relayCa, bridgeCa }: Pki, role: PairRole, nowMs: number): Issued {
  const authority = role === 'relay' ? relayCa : bridgeCa;
  return issueLeaf(authority, { role, nowMs, random, days: 30, ...(role === 'relay' && { hosts: HOSTS }) });
}

/** Writes `name.crt` and `name.key`, each whole at any time. */
export function writePair(files: PkiDirectory, name: string, { certificate, key }: Issued): void {
  writeWhole(files.file(`${name}.crt`), certificate);
  writeWhole(files.file(`${name}.key`), key);
}

/** Replaces `file` at once, as whoever reads it might otherwise see half of it. */
export function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.tmp`, text, { mode: 0o600 });
  renameSync(`${file}.tmp`, file);
}

/** SHA-256 of the leaf in `certificate`, as TLS shows it. */
export function fingerprintOf({ certificate }: Pick<Issued, 'certificate'>): string {
  return new X509Certificate(certificate).fingerprint256;
}

/** SHA-256 of the leaf that is served at `port` of 127.0.0.1 to a client that offers `alpn`. Rejects when there is none. */
export function servedAt(port: number, alpn: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      rejectUnauthorized: false,
      ALPNProtocols: [alpn],
    });
    socket.on('error', reject);
    socket.once('secureConnect', () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
      socket.destroy();
    });
  });
}
