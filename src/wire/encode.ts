/** Frames to bytes. A frame that breaks a limit is a programmer mistake; only `software` and REFUSED's text are cut. */
import assert from 'node:assert/strict';
import { Writer } from './cursor.ts';
import type { ClientFrame, RelayFrame } from './frames.ts';
import { BEACON_FRAMES } from './layouts.ts';
import { type AnyFrame, type AnyLayout, type FrameTable, frameName, oneSender } from './table.ts';

/** One whole frame, at most FRAME_BYTES, in memory of its own. Asserts that every field keeps its limits. */
export function encodeClientFrame(frame: ClientFrame): Buffer {
  return encodeFrame(BEACON_FRAMES, 'client', frame);
}

/** As {@link encodeClientFrame}, for what a relay sends. */
export function encodeRelayFrame(frame: RelayFrame): Buffer {
  return encodeFrame(BEACON_FRAMES, 'relay', frame);
}

/** As {@link encodeClientFrame}, for what `sender` sends in the family of `table`. */
export function encodeFrame<F extends AnyFrame, S extends string>(
  table: FrameTable<F, S>,
  sender: S,
  frame: F,
): Buffer {
  const layout: AnyLayout = table.layouts[frame.type as F['type']];
  const name = frameName(frame.type);
  assert(layout.sender === 'both' || layout.sender === sender, `${name} is not sent by ${oneSender(sender)}`);
  const values: Readonly<Record<string, unknown>> = { ...(frame as AnyFrame) };
  const writer = new Writer(name, layout.number);
  for (const [key, field] of Object.entries(layout.fields)) {
    writer.field = key;
    field.write(writer, values[key], values);
  }
  return writer.finish();
}
