/** Files that people name: read up to a limit, and what to say where they cannot be read. */
import { open } from 'node:fs/promises';

/** The bytes of `file`; undefined: it has more than `maxBytes`, of which no more than these and one are held. Rejects as `open`. */
export async function readAtMost(file: string, maxBytes: number): Promise<Buffer | undefined> {
  const handle = await open(file);
  const bytes = Buffer.concat(await handle.createReadStream({ end: maxBytes }).toArray());
  return bytes.length > maxBytes ? undefined : bytes;
}

/** What a system error of `open` or `read` means to a person, after the name of the file. */
export function readProblem(code: string | undefined): string {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'does not exist';
    case 'EACCES':
    case 'EPERM':
      return 'may not be read by this user; change its owner or mode';
    case 'EISDIR':
      return 'is a directory; name the file in it';
    default:
      return `cannot be read${code === undefined ? '' : ` (${code})`}`;
  }
}
