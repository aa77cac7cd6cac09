/** The store behind all bridges, as a process in a container: each bridge has a port of its own, so that a stream tells which served it. */
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import type { Scenario } from '../../scenario/scenario.ts';
import { infoHashOf, storePort } from '../places.ts';
import { type Plan, StreamSide, tell } from './side.ts';

const scenario = JSON.parse(readFileSync('/run/chaos/scenario.json', 'utf8')) as Scenario;
const NEWLINE = 10;
/** Of the first line, which says what a stream is to be. */
const MAX_LINE_BYTES = 512;

scenario.bridges.forEach(({ ca }, bridge) => {
  createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
    greet(socket, `bridge-${bridge}`, infoHashOf(ca)),
  ).listen(storePort(bridge));
});
process.once('SIGTERM', () => process.exit());

function greet(socket: Socket, bridge: string, infoHash: string): void {
  let line = Buffer.alloc(0);
  // Until it has said what it is, it is no stream: doctors and probes may come and go.
  const quit = (): void => void socket.destroy();
  const take = (bytes: Buffer): void => {
    line = Buffer.concat([line, bytes]);
    const end = line.indexOf(NEWLINE);
    if (end === -1) return line.length > MAX_LINE_BYTES ? quit() : undefined;
    socket.pause().off('data', take).off('error', quit).off('end', quit);
    const plan = planOf(line.subarray(0, end));
    if (!plan) return quit();
    tell({ what: 'served', stream: plan.stream, bridge, infoHash });
    new StreamSide(socket, plan, 'store');
    if (end + 1 < line.length) socket.unshift(line.subarray(end + 1));
    socket.resume();
  };
  socket.on('data', take).on('error', quit).on('end', quit);
}

/** Undefined where the line is not what a client wrote: its stream is cut, which no fault excuses. */
function planOf(line: Buffer): Plan | undefined {
  try {
    return JSON.parse(line.toString()) as Plan;
  } catch {
    console.error('the first line of a stream is not what its client wrote');
    return undefined;
  }
}
