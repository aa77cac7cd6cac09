/** Searches the whole memory of a process (proc(5): /proc/PID/maps and /proc/PID/mem). Heap snapshots leave buffers out. */
import { type FileHandle, open, readFile } from 'node:fs/promises';

/** At most one of them is in our own memory. */
const CHUNK_BYTES = 4 * 1_024 * 1_024;

export interface MemorySearch {
  /** How often the bytes were found. */
  readonly found: number;
  /** Bytes that were searched. */
  readonly searched: number;
}

interface Region {
  readonly from: number;
  readonly to: number;
}

/** Whether the memory of `pid`, a child of ours, can be read on this machine. */
export async function canReadMemory(pid: number): Promise<boolean> {
  try {
    const [first] = await readableRegions(pid);
    const memory = await open(`/proc/${pid}/mem`);
    try {
      return first !== undefined && (await memory.read(Buffer.alloc(1), 0, 1, first.from)).bytesRead === 1;
    } finally {
      await memory.close();
    }
  } catch {
    return false;
  }
}

/** Looks for `bytes` in every region that the process itself can read, while it runs on. */
export async function searchMemory(pid: number, bytes: Buffer): Promise<MemorySearch> {
  let [found, searched] = [0, 0];
  const memory = await open(`/proc/${pid}/mem`);
  try {
    for (const region of await readableRegions(pid)) {
      const result = await searchRegion(memory, region, bytes);
      found += result.found;
      searched += result.searched;
    }
  } finally {
    await memory.close();
  }
  return { found, searched };
}

async function readableRegions(pid: number): Promise<Region[]> {
  const maps = await readFile(`/proc/${pid}/maps`, 'utf8');
  return maps.split('\n').flatMap((line) => {
    const [, from = '', to = '', name = ''] =
      /^([\da-f]+)-([\da-f]+) r\S+ \S+ \S+ \S+\s*(.*)$/.exec(line) ?? [];
    // Pages of the kernel, which hold no data of the process and cannot be read this way.
    if (from === '' || ['[vvar]', '[vvar_vclock]', '[vsyscall]'].includes(name)) return [];
    return [{ from: Number.parseInt(from, 16), to: Number.parseInt(to, 16) }];
  });
}

async function searchRegion(memory: FileHandle, { from, to }: Region, bytes: Buffer): Promise<MemorySearch> {
  // What begins at the end of one chunk is found in the next.
  const overlap = bytes.length - 1;
  const buffer = Buffer.alloc(Math.min(CHUNK_BYTES, to - from));
  let [found, searched] = [0, 0];
  for (let at = from; at < to; ) {
    const bytesRead = await readAt(memory, buffer, Math.min(buffer.length, to - at), at);
    if (bytesRead === 0) break;
    searched += bytesRead;
    found += occurrences(buffer.subarray(0, bytesRead), bytes);
    if (at + bytesRead >= to) break;
    at += Math.max(1, bytesRead - overlap);
  }
  buffer.fill(0);
  return { found, searched };
}

/** 0 for a region that is gone by now, or that nothing was ever put behind. */
async function readAt(memory: FileHandle, buffer: Buffer, length: number, at: number): Promise<number> {
  try {
    return (await memory.read(buffer, 0, length, at)).bytesRead;
  } catch {
    return 0;
  }
}

function occurrences(buffer: Buffer, bytes: Buffer): number {
  let count = 0;
  for (let at = buffer.indexOf(bytes); at >= 0; at = buffer.indexOf(bytes, at + bytes.length)) count += 1;
  return count;
}
