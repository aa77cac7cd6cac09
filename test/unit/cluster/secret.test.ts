import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BeaconError } from '../../../src/base/errors.ts';
import { type Log, silentLog } from '../../../src/base/log.ts';
import { parseClusterSecret, readClusterSecret } from '../../../src/cluster/secret.ts';

const LINE = '0123456789abcdef0123456789abcdef';
const NEXT = 'fedcba9876543210fedcba9876543210';

describe('parseClusterSecret', () => {
  test.each([
    ['one line', LINE, 1],
    ['one line and its end', `${LINE}\n`, 1],
    ['two lines, Windows ends and empty ones', `${LINE}\r\n\r\n  ${NEXT}\r\n\r\n`, 2],
  ])('takes %s', (_, text, count) => {
    const secret = parseClusterSecret(text, 'f');
    expect(secret.all).toHaveLength(count);
    expect(secret.current).toBe(secret.all[0]);
    const alone = parseClusterSecret(LINE, 'f');
    expect(secret.current.derive('use', 'node', 32)).toEqual(alone.current.derive('use', 'node', 32));
  });

  test.each([
    ['nothing', '', 'empty'],
    ['blanks', ' \n\n', 'empty'],
    ['31 bytes', LINE.slice(1), '31 bytes, 32 or more'],
    ['a second line of 31 bytes', `${LINE}\n${NEXT.slice(1)}`, '31 bytes, 32 or more'],
    ['three lines', `${LINE}\n${NEXT}\nx`, '3 lines'],
    ['the same line twice', `${LINE}\n${LINE}`, 'same'],
    ['a blank inside', `${LINE} ${NEXT}`, 'blanks'],
    ['bytes that are no text', `${LINE}\u0001\u00ff`, 'not printable'],
  ])('refuses %s, says why, and shows nothing of it', (_, text, why) => {
    const refusal = caught(() => parseClusterSecret(text, '/run/secret'));
    expect(refusal).toMatchObject({ code: 'config' });
    expect(refusal.message).toContain(why);
    expect(refusal.message).toContain('/run/secret');
    for (const line of text.split(/\s/)) if (line.length > 3) expect(refusal.message).not.toContain(line);
  });

  test('gives other bytes for each use, subject and secret', () => {
    const [first, second] = parseClusterSecret(`${LINE}\n${NEXT}`, 'f').all;
    const derived = [
      first?.derive('a', 'b', 32),
      first?.derive('ab', '', 32),
      first?.derive('a', 'c', 32),
      second?.derive('a', 'b', 32),
    ].map((bytes) => bytes?.toString('hex'));
    expect(new Set(derived).size).toBe(4);
  });

  test('derives what RFC 5869 says', () => {
    // Computed with another implementation (Python: hmac, hashlib).
    expect(parseClusterSecret(LINE, 'f').current.derive('use', 'node', 16).toString('hex')).toBe(
      'c8d339eadc76fc9b271ba011dfc8381c',
    );
  });

  test('shows nothing when it is printed', () => {
    const secret = parseClusterSecret(LINE, 'f');
    expect(
      inspect(secret, { depth: 9, showHidden: true }) + JSON.stringify(secret) + `${secret.current}`,
    ).not.toContain('0123');
  });
});

describe('readClusterSecret', () => {
  test('reads a file, and warns when everybody may', () => {
    const file = secretFile(`${LINE}\n`);
    const warnings: string[] = [];
    const log: Log = { ...silentLog, warn: (message) => warnings.push(message) };
    chmodSync(file, 0o400);
    expect(readClusterSecret(file, log).all).toHaveLength(1);
    expect(warnings).toEqual([]);
    chmodSync(file, 0o444);
    expect(readClusterSecret(file, log).all).toHaveLength(1);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).not.toContain(LINE);
  });

  test('says which file cannot be read', () => {
    const refusal = caught(() => readClusterSecret('/nowhere/secret', silentLog));
    expect(refusal.code).toBe('config');
    expect(refusal.message).toMatch(/\/nowhere\/secret.*ENOENT/);
  });

  test('refuses a file that is too large', () => {
    expect(caught(() => readClusterSecret(secretFile('x'.repeat(4_097)), silentLog)).code).toBe('config');
  });
});

function secretFile(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'beacon-secret-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'secret');
  writeFileSync(file, text);
  return file;
}

function caught(action: () => unknown): BeaconError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(BeaconError);
    return error as BeaconError;
  }
  throw new BeaconError('internal', 'nothing was thrown');
}
