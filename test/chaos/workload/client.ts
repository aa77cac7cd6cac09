/** The clients of all brokers, as a process in a container: opens the streams of the scenario at their times. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Scenario, StreamPlan } from '../../scenario/scenario.ts';
import { lookUp } from '../lookup.ts';
import { BROKER_PORT, infoHashOf } from '../places.ts';
import { StreamSide, tell } from './side.ts';

const { scenario, beganMs } = JSON.parse(readFileSync('/run/chaos/run.json', 'utf8')) as {
  readonly scenario: Scenario;
  /** By the clock of the machine. */
  readonly beganMs: number;
};

function open({ broker, atMs: _, ...plan }: StreamPlan): void {
  const name = `broker-${broker}`;
  const { stream } = plan;
  const socket = connect({
    host: name,
    port: BROKER_PORT,
    lookup: lookUp,
    allowHalfOpen: true,
    noDelay: true,
  });
  tell({ what: 'opened', stream, broker: name, infoHash: infoHashOf(scenario.brokers[broker]?.ca ?? -1) });
  socket.write(`${JSON.stringify(plan)}\n`);
  new StreamSide(socket, plan, 'client');
}

for (const plan of scenario.streams) setTimeout(open, Math.max(0, beganMs + plan.atMs - Date.now()), plan);
// Streams that are open yet end with the process.
process.once('SIGTERM', () => process.exit());
