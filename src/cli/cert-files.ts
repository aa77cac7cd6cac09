/** The files of `beacon certs`: NAME.crt and NAME.key in one directory. */
import { mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BeaconError, systemCode } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { readKey, readPem } from '../pki/credentials.ts';
import { firstCertificate } from '../pki/info-hash.ts';
import { type Authority, type Issued, loadAuthority } from '../pki/issue.ts';

export interface PairFiles {
  readonly cert: string;
  readonly key: string;
}

export function pairFiles(directory: string, name: string): PairFiles {
  return { cert: join(directory, `${name}.crt`), key: join(directory, `${name}.key`) };
}

/** Reads a CA that `beacon certs` made. Throws `config`; `flag` names the directory's flag. */
export function readAuthority(directory: string, name: string, flag: string): Promise<Authority> {
  return readAuthorityFiles(pairFiles(directory, name), { cert: flag, key: flag });
}

/** Reads a CA from its two files. Throws `config`; `flags` name them. */
export async function readAuthorityFiles(files: PairFiles, flags: PairFiles): Promise<Authority> {
  const der = await readLeaf(files.cert, flags.cert);
  const key = readKey(await readPem(files.key, flags.key), files.key, flags.key);
  try {
    return loadAuthority(der, key);
  } catch (cause) {
    if (!(cause instanceof BeaconError)) throw cause;
    throw new BeaconError('config', `${flags.cert} ${files.cert}: ${cause.message}`, { cause });
  }
}

/** DER of the first certificate in `file`, expired or not. Throws `config`. */
export async function readLeaf(file: string, flag: string): Promise<Buffer> {
  const text = await readPem(file, flag);
  try {
    return firstCertificate(Buffer.from(text, 'latin1'));
  } catch (cause) {
    throw new BeaconError('config', `${flag} ${file} holds no certificate`, { cause });
  }
}

/** A pair and where it goes. */
export interface PairToWrite {
  readonly files: PairFiles;
  readonly issued: Issued;
}

interface FileToWrite {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

/**
 * Writes new pairs and the directories that they need. Throws `config`, and leaves none of its files behind, where
 * one of them exists already or cannot be written.
 */
export async function writeNewPairs(pairs: readonly PairToWrite[]): Promise<void> {
  const written: string[] = [];
  try {
    for (const { path, content, mode } of pairs.flatMap(filesOf)) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeOnce(path, content, mode, () => written.push(path));
    }
  } catch (cause) {
    await Promise.allSettled(written.map((path) => unlink(path)));
    throw writeError(cause);
  }
}

/**
 * Puts new pairs in the place of old ones, file by file and each at once: a reader sees a whole file, old or new. Between
 * the two renames of a pair the key is new and the certificate old; a crash there is mended by doing it again.
 */
export async function replacePairs(pairs: readonly PairToWrite[], random: Random): Promise<void> {
  const suffix = `.${random.bytes(8).toString('hex')}.new`;
  const moves = pairs
    .flatMap(filesOf)
    .map(({ path, content, mode }) => ({ path, content, mode, beside: path + suffix }));
  const written: string[] = [];
  try {
    for (const { beside, content, mode } of moves) {
      await writeOnce(beside, content, mode, () => written.push(beside));
    }
    for (const { beside, path } of moves) await rename(beside, path);
  } catch (cause) {
    await Promise.allSettled(written.map((path) => unlink(path)));
    throw writeError(cause);
  }
}

/** `created` is called once the file exists, with nothing in it yet. */
async function writeOnce(path: string, content: string, mode: number, created: () => void): Promise<void> {
  // 'wx' is O_EXCL: it follows no link and takes no file that somebody else made meanwhile.
  const handle = await open(path, 'wx', mode);
  created();
  try {
    await handle.writeFile(content);
    // On disk before any rename, or a power cut could leave an empty file under the old name.
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Key first: a certificate without its key is of no use to anybody. */
function filesOf({ files, issued }: PairToWrite): FileToWrite[] {
  return [
    { path: files.key, content: issued.key, mode: 0o600 },
    { path: files.cert, content: issued.certificate, mode: 0o644 },
  ];
}

function writeError(cause: unknown): BeaconError {
  const path = pathOf(cause);
  const code = systemCode(cause);
  if (code === 'EEXIST') {
    const text = `${path} exists already and is not overwritten; name another directory with --out, or move it away`;
    return new BeaconError('config', text, { cause });
  }
  const why =
    code === 'EACCES' || code === 'EPERM' || code === 'EROFS' ? 'this user may not write there' : code;
  return new BeaconError('config', `cannot write ${path}: ${why ?? 'the disk refused'}`, { cause });
}

function pathOf(error: unknown): string {
  const path = typeof error === 'object' && error !== null && 'path' in error ? error.path : undefined;
  return typeof path === 'string' ? path : 'a file';
}
