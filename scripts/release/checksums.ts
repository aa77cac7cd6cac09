/** SHA256SUMS over the files of a release, and its signature: docs/release.md says how both are checked. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SUMS = 'SHA256SUMS';
const SIGNATURE = 'SHA256SUMS.sig';
/** The public half of the key that releases are signed with. */
const PUBLISHED_KEY = 'packaging/beacon-release.pub';

/** Writes SHA256SUMS over all files of the folder, in the form of sha256sum. */
export function writeSums(directory: string): void {
  const lines = readdirSync(directory)
    .filter((name) => name !== SUMS && name !== SIGNATURE)
    .toSorted()
    .map((name) => `${sha256(readFileSync(join(directory, name)))}  ${name}\n`);
  writeFileSync(join(directory, SUMS), lines.join(''));
}

/** The Ed25519 key in the PEM file, which nobody else may read. */
export function readSigningKey(file: string): KeyObject {
  if ((statSync(file).mode & 0o077) !== 0)
    throw new Error(`${file} can be read by others; chmod 0600 ${file} and think about who has it`);
  const key = createPrivateKey(readFileSync(file));
  if (key.asymmetricKeyType !== 'ed25519')
    throw new Error(`${file} holds a key of type ${key.asymmetricKeyType}; releases are signed by Ed25519`);
  if (existsSync(PUBLISHED_KEY) && !createPublicKey(readFileSync(PUBLISHED_KEY)).equals(createPublicKey(key)))
    throw new Error(`${file} is not the key whose public half is ${PUBLISHED_KEY}: nobody could verify it`);
  return key;
}

/** Writes the signature of SHA256SUMS beside it: 64 bytes. */
export function signSums(directory: string, key: KeyObject): void {
  writeFileSync(join(directory, SIGNATURE), sign(null, readFileSync(join(directory, SUMS)), key));
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
