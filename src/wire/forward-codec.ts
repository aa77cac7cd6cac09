/** The codec of beacon-forward/1: {@link FrameDecoder} and {@link encodeFrame} over its table. */
import { FrameDecoder } from './decode.ts';
import { encodeFrame } from './encode.ts';
import type { HolderFrame, OriginFrame } from './forward-frames.ts';
import { FORWARD_FRAMES } from './forward-layouts.ts';

/** Decodes what the broker's node sends. */
export function originFrames(): FrameDecoder<OriginFrame> {
  return new FrameDecoder(FORWARD_FRAMES, 'origin');
}

/** Decodes what the holder sends. */
export function holderFrames(): FrameDecoder<HolderFrame> {
  return new FrameDecoder(FORWARD_FRAMES, 'holder');
}

/** One whole frame in memory of its own. Asserts that every field keeps its limits. */
export function encodeOriginFrame(frame: OriginFrame): Buffer {
  return encodeFrame(FORWARD_FRAMES, 'origin', frame);
}

/** As {@link encodeOriginFrame}, for what the holder sends. */
export function encodeHolderFrame(frame: HolderFrame): Buffer {
  return encodeFrame(FORWARD_FRAMES, 'holder', frame);
}
