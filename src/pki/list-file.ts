/** A file with one entry a line, of which `#` starts a comment. Read again when its content changes. */
import { BeaconError, messageOf, systemCode } from '../base/errors.ts';
import type { FileWatch, Watched } from '../base/file-watch.ts';
import { readAtMost, readProblem } from '../base/read-file.ts';

/** What a list is of, and how people know it. */
export interface ListKind<T> {
  /** `--allow-file` */
  readonly flag: string;
  /** `the allow file`, for the log. */
  readonly name: string;
  /** A larger file is refused. */
  readonly maxBytes: number;
  /** One entry, without comment and blanks. Throws `config`. */
  readonly parse: (entry: string) => T;
}

/** Throws BeaconError('config') that names the line. */
export function parseList<T>(text: string, file: string, { flag, parse }: ListKind<T>): Set<T> {
  const entries = new Set<T>();
  for (const [index, line] of text.split('\n').entries()) {
    const content = line.replace(/#.*/, '').trim();
    if (content === '') continue;
    try {
      entries.add(parse(content));
    } catch (cause) {
      throw new BeaconError('config', `${flag}: ${file}, line ${index + 1}: ${messageOf(cause)}`, { cause });
    }
  }
  return entries;
}

/** The list in `file`, and in what becomes of it; while a new content has a mistake the last good list stays. Throws `config`. */
export function watchList<T>(
  file: string,
  kind: ListKind<T>,
  watch: FileWatch,
): Promise<Watched<ReadonlySet<T>>> {
  const { name, maxBytes } = kind;
  return watch.open<ReadonlySet<T>>({
    name,
    files: [file],
    maxBytes,
    load: async () => parseList(await read(file, kind), file, kind),
    describe: (entries) => ({ entries: entries.size }),
  });
}

/** Never holds more than the limit in memory, whatever the file is. */
async function read(file: string, { flag, maxBytes }: Omit<ListKind<unknown>, 'parse'>): Promise<string> {
  let bytes: Buffer | undefined;
  try {
    bytes = await readAtMost(file, maxBytes);
  } catch (cause) {
    throw new BeaconError('config', `${flag}: ${file} ${readProblem(systemCode(cause))}`, { cause });
  }
  if (bytes) return bytes.toString();
  throw new BeaconError('config', `${flag}: ${file} is larger than ${maxBytes} bytes`);
}
