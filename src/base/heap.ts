/** How V8 collects what a process that copies bytes leaves behind. */
import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8's new space at the megabyte that it begins with. Call it first of all.
 *
 * Each read and each write of TLS makes a small object with up to 64 KiB outside the heap. Those die at once, but V8 frees
 * them with the object, and when 64 MiB of them have gathered it does not empty the new space, where they are, but marks the
 * whole heap: some 80 times a gigabyte, which was two fifths of the CPU of a bridge or broker in full flow. A new space of
 * a megabyte is emptied before they have gathered. The growth factor is read each time it would grow
 * (V8, src/heap/new-spaces.cc), so it works from within. docs/decisions/0034 has the measurements.
 */
export function keepNewSpaceSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
