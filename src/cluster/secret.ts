/**
 * The cluster secret: the one thing that makes a process a member. Its bytes leave this file only as keys derived by
 * HKDF-SHA256 (RFC 5869); no method, log line or error shows them.
 */
import { hkdfSync } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { BeaconError, systemCode } from '../base/errors.ts';
import { CLUSTER_SECRET_FILE_BYTES, CLUSTER_SECRET_MIN_BYTES } from '../base/limits.ts';
import type { Log } from '../base/log.ts';

/** One line of the secret file. */
export class SecretKey {
  readonly #bytes: Buffer;

  /** `text` is one checked line. */
  constructor(text: string) {
    this.#bytes = Buffer.from(text, 'latin1');
  }

  /**
   * `size` bytes for one `use` and one `subject` (a node name, or empty): HKDF-SHA256 with salt `beacon/1` and info
   * `use NUL subject`. `use` holds no NUL, so no two pairs share their bytes.
   */
  derive(use: string, subject: string, size: number): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#bytes, 'beacon/1', `${use}\0${subject}`, size));
  }
}

/** What the secret file holds: one key, or two while the secret is rotated. */
export interface ClusterSecret {
  /** The first line: what this node is known by. */
  readonly current: SecretKey;
  /** Every line, the first included: what other nodes may be known by. */
  readonly all: readonly SecretKey[];
}

/**
 * Reads one or two lines of printable ASCII without blanks, 32 to 4,096 bytes each. Blanks around a line and empty lines
 * do not count. What stands there is the secret as it is: hex and base64 are not decoded, because two versions that guess
 * differently would be two clusters. `file` is named in errors. Throws `config`.
 */
export function parseClusterSecret(text: string, file: string): ClusterSecret {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const [first, second] = lines;
  if (first === undefined) throw wrong(file, 'it is empty');
  if (lines.length > 2) {
    throw wrong(
      file,
      `it has ${lines.length} lines; one secret is one line, two lines are the current and the next`,
    );
  }
  for (const line of lines) checkLine(line, file);
  if (first === second)
    throw wrong(file, 'both lines are the same; while rotating, the second line is the next secret');
  const all = lines.map((line) => new SecretKey(line));
  return { current: all[0] as SecretKey, all };
}

/** As {@link parseClusterSecret}, from a file. Warns when every user of the machine may read it. Throws `config`. */
export function readClusterSecret(file: string, log: Log): ClusterSecret {
  try {
    const { mode, size } = statSync(file);
    if (size > CLUSTER_SECRET_FILE_BYTES)
      throw wrong(file, `it has more than ${CLUSTER_SECRET_FILE_BYTES} bytes`);
    const secret = parseClusterSecret(readFileSync(file, 'latin1'), file);
    // A mounted Kubernetes Secret is mode 0644 unless the chart says otherwise, so this cannot be an error.
    if ((mode & 0o004) !== 0) {
      log.warn('every user of this machine may read the cluster secret; chmod 0400 the file', { file });
    }
    return secret;
  } catch (error) {
    if (error instanceof BeaconError) throw error;
    throw new BeaconError(
      'config',
      `cannot read the cluster secret ${JSON.stringify(file)}: ${systemCode(error)}`,
      {
        cause: error,
      },
    );
  }
}

function checkLine(line: string, file: string): void {
  if (!/^[\x21-\x7e]*$/.test(line)) {
    throw wrong(file, 'it holds blanks or bytes that are not printable ASCII');
  }
  if (line.length < CLUSTER_SECRET_MIN_BYTES) {
    throw wrong(file, `a secret has ${line.length} bytes, ${CLUSTER_SECRET_MIN_BYTES} or more are needed`);
  }
}

function wrong(file: string, why: string): BeaconError {
  return new BeaconError(
    'config',
    `the cluster secret in ${JSON.stringify(file)} cannot be used: ${why}; make one with: openssl rand -base64 32`,
  );
}
