/** Ports that a test must know before anybody listens on them. */
import { createServer } from 'node:net';
import { systemRandom } from '../../src/base/random.ts';

/** Below the range from which Linux takes ports for outgoing connections and for port 0, so that nobody is given one. */
const LOWEST = 20_000;
const HIGHEST = 32_000;

/** `count` different ports of 127.0.0.1 on which nobody listens now. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = LOWEST + Math.floor(systemRandom.fraction() * (HIGHEST - LOWEST));
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
