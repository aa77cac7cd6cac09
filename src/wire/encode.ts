/** Frames to bytes. A frame that breaks a limit is a programmer mistake; only `software` and REFUSED's text are cut. */
import assert from 'node:assert/strict';
import { Writer } from './cursor.ts';
import type { Field } from './fields.ts';
import type { ClientFrame, Frame, RelayFrame } from './frames.ts';
import { frameName, LAYOUTS, type Sender } from './layouts.ts';

/** One whole frame, at most FRAME_BYTES, in memory of its own. Asserts that every field keeps its limits. */
export function encodeClientFrame(frame: ClientFrame): Buffer {
  return encode('client', frame);
}

/** As {@link encodeClientFrame}, for what a relay sends. */
export function encodeRelayFrame(frame: RelayFrame): Buffer {
  return encode('relay', frame);
}

function encode(sender: Sender, frame: Frame): Buffer {
  const layout = LAYOUTS[frame.type];
  const name = frameName(frame.type);
  assert(layout.sender === 'both' || layout.sender === sender, `${name} is not sent by a ${sender}`);
  const fields: Readonly<Record<string, Field<unknown>>> = layout.fields;
  const values: Readonly<Record<string, unknown>> = { ...frame };
  const writer = new Writer(name, layout.number);
  for (const [key, field] of Object.entries(fields)) {
    writer.field = key;
    field.write(writer, values[key], values);
  }
  return writer.finish();
}
