/** Strangers of strangers-process.ts, seen from the benchmark. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { connect } from 'node:tls';
import { ALPN } from '../../../src/wire/frames.ts';
import { end, start } from '../child.ts';
import type { StrangersReport, StrangersTask } from './strangers-process.ts';

export class Strangers {
  /** All have come. */
  readonly opened: Promise<StrangersReport>;
  /** All have gone. */
  readonly done: Promise<StrangersReport>;
  readonly #child: ChildProcess;

  /** They begin at once; the caller stops them. */
  constructor(task: StrangersTask) {
    this.#child = start('./hostile/strangers-process.ts');
    this.opened = this.#next('opened');
    this.done = this.#next('done');
    this.#child.send(task);
  }

  stop(): Promise<void> {
    return end(this.#child);
  }

  #next(is: StrangersReport['is']): Promise<StrangersReport> {
    const next = new Promise<StrangersReport>((resolve, reject) => {
      this.#child.on('message', (report: StrangersReport) => {
        if (report.is === is) resolve(report);
      });
      this.#child.once('exit', (code) => reject(new Error(`the strangers ended with ${code}`)));
    });
    // Whoever does not wait for it does not want to know.
    next.catch(() => {});
    return next;
  }
}

/** What a client of ours sends first, as base64: a valid ClientHello that any number of strangers can send again. */
export async function recordClientHello(): Promise<string> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const client = connect({ host: '127.0.0.1', port, ALPNProtocols: [ALPN], minVersion: 'TLSv1.3' });
  client.on('error', () => {});
  const [socket] = await once(server, 'connection');
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return bytes.toString('base64');
}
