/** Clients of a broker that never rest, for tests in which something is changed meanwhile. */
import { until } from './leaks.ts';
import { visit } from './tunnel-processes.ts';

/** Ask, check the answer, and ask again, each time on a new connection. */
export class SteadyLoad {
  /** Where clients connect. */
  port: number;
  /** Requests that were answered. */
  done = 0;
  readonly #failures: string[] = [];
  readonly #clients: readonly Promise<void>[];
  #stopped = false;

  /** @param clients that ask at the same time. */
  constructor(port: number, clients: number) {
    this.port = port;
    this.#clients = Array.from({ length: clients }, (_, name) => this.#client(name));
  }

  /** Resolves when some more requests have been answered. */
  async served(): Promise<void> {
    const before = this.done;
    await until(() => this.done > before + 10);
  }

  /** Resolves with what went wrong. */
  async stop(): Promise<readonly string[]> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    return this.#failures;
  }

  async #client(name: number): Promise<void> {
    for (let turn = 0; !this.#stopped; turn += 1) {
      const question = `client ${name}, request ${turn}`;
      const answer = await this.#ask(question).catch((error: Error) => error.message);
      if (answer === question) this.done += 1;
      else this.#failures.push(`${question}: ${answer}`);
    }
  }

  async #ask(question: string): Promise<string> {
    const { socket, seen } = await visit(this.port, 'echo');
    socket.end(question);
    await seen.closed;
    return seen.events[0] === 'end' ? seen.bytes.toString() : seen.events.join();
  }
}
