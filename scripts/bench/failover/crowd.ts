/** Brokers by the hundred, in a few processes, seen from the benchmark. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { PkiDirectory } from '../../../test/support/processes.ts';
import { end, start } from '../child.ts';
import type { CrowdQuestion, CrowdStatus, CrowdTask } from './crowd-process.ts';
import type { DelayProxy } from './delay-proxy.ts';

export interface CrowdOptions {
  readonly brokers: number;
  readonly processes: number;
  /** Between the starts of two in one process. */
  readonly pauseMs: number;
}

export class Crowd {
  readonly #children: readonly ChildProcess[];
  readonly size: number;

  /** They start one after the other; the caller stops them. */
  constructor(files: PkiDirectory, ways: readonly DelayProxy[], options: CrowdOptions) {
    const { brokers, processes, pauseMs } = options;
    this.size = brokers;
    const flags = {
      listen: '127.0.0.1:0',
      beaconAddress: ways.map(({ port }) => `127.0.0.1:${port}`).join(','),
      beaconCa: files.file('relay-ca.crt'),
      tlsCa: files.file('bridge-ca.crt'),
      tlsCert: files.file('broker.crt'),
      tlsKey: files.file('broker.key'),
    };
    this.#children = Array.from({ length: processes }, (_, at) => {
      const child = start('./failover/crowd-process.ts');
      const task: CrowdTask = {
        flags,
        brokers: Math.floor((brokers + at) / processes),
        pauseMs,
      };
      child.send(task);
      return child;
    });
  }

  /** Of all processes together. */
  async status(ask: CrowdQuestion['ask'] = 'status'): Promise<CrowdStatus> {
    const all = await Promise.all(
      this.#children.map(async (child) => {
        const answer = once(child, 'message');
        child.send({ ask } satisfies CrowdQuestion);
        return ((await answer) as [CrowdStatus])[0];
      }),
    );
    const sum = (of: (each: CrowdStatus) => number): number =>
      all.reduce((total, each) => total + of(each), 0);
    return {
      ports: all.flatMap(({ ports }) => ports),
      whole: sum(({ whole }) => whole),
      legged: sum(({ legged }) => legged),
      entries: added(all.map(({ entries }) => entries)),
      reasons: added(all.map(({ reasons }) => reasons)),
      longestMs: Math.max(...all.map(({ longestMs }) => longestMs)),
      without: sum(({ without }) => without),
      heldBytes: sum((each) => each.heldBytes),
    };
  }

  /** SIGSTOP or SIGCONT: a broker that neither reads nor writes. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    for (const child of this.#children) child.kill(signal);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.map(end));
  }
}

function added(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [name, count] of records.flatMap((each) => Object.entries(each))) {
    sums[name] = (sums[name] ?? 0) + count;
  }
  return sums;
}
