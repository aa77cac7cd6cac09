/** What a process holds after all garbage is gone; a process that was started with this module says so at each SIGUSR2. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes of heap and of buffers beside it. */
export function heldBytes(): number {
  // Twice: what a buffer held on to goes with the second.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

process.on('SIGUSR2', () => {
  process.stderr.write(`${JSON.stringify({ level: 'debug', msg: 'held', bytes: heldBytes() })}\n`);
});
