/** Looks for a secret in what the relay spliced. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';

export const CAPTURE_FILES = { toBridge: 'to-bridge.bin', toBroker: 'to-broker.bin' } as const;
const FILES = Object.values(CAPTURE_FILES);

/** Length of each capture file. */
export type CaptureMark = readonly number[];

export interface Finding {
  /** Bytes that were looked at. */
  readonly bytes: number;
  /** How often a form of the secret was in them. */
  readonly hits: number;
}

/** Where the captures end now. */
export async function mark(directory: string): Promise<CaptureMark> {
  return Promise.all(FILES.map(async (file) => (await stat(join(directory, file))).size));
}

/** Looks for `secret` as it is, in hex and in base64, in what was captured between two marks. */
export async function look(
  directory: string,
  secret: string,
  from: CaptureMark,
  to: CaptureMark,
): Promise<Finding> {
  const bytes = Buffer.from(secret);
  const forms = [
    bytes,
    ...['hex', 'base64'].map((form) => Buffer.from(bytes.toString(form as BufferEncoding))),
  ];
  let total = 0;
  let hits = 0;
  for (const [index, file] of FILES.entries()) {
    const start = from[index] ?? 0;
    const end = to[index] ?? 0;
    if (end <= start) continue;
    total += end - start;
    hits += await count(createReadStream(join(directory, file), { start, end: end - 1 }), forms);
  }
  return { bytes: total, hits };
}

async function count(chunks: AsyncIterable<Buffer>, forms: readonly Buffer[]): Promise<number> {
  const longest = Math.max(...forms.map((form) => form.length));
  let hits = 0;
  let tail: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    // A form may lie across two chunks; the tail is too short to hold one that was counted already.
    const window = Buffer.concat([tail, chunk]);
    for (const form of forms) {
      for (let at = window.indexOf(form); at >= 0; at = window.indexOf(form, at + 1)) {
        if (at + form.length > tail.length) hits += 1;
      }
    }
    tail = window.subarray(Math.max(0, window.length - longest + 1));
  }
  return hits;
}
