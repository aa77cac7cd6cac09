/** Row 4: where the legs are an hour after every node was restarted, by the plan that brokers run, on a simulated clock. */
import { ModelTunnel, RelayModel } from '../../../test/support/leg-model.ts';
import { seededRandom } from '../../../test/support/seeded-random.ts';
import { atMost, type Row, rounded } from '../report.ts';
import { BARS } from './bars.ts';

const TUNNELS = 1_000;
const HOUR = 3_600_000;
const MINUTE = 60_000;
/** From the stop of a node to that of the next. */
const STEP_MS = 20_000;
const NAMES = ['relay-0', 'relay-1', 'relay-2'];

export function measureHour(): Promise<Row[]> {
  const before = new Map(NAMES.map((name) => [name, 0]));
  const after = new Map(before);
  for (let seed = 1; seed <= TUNNELS; seed += 1) {
    const tunnel = restarted(seed, (legs) => count(before, legs));
    tunnel.run(tunnel.now + HOUR);
    count(after, tunnel.legs);
  }
  return Promise.resolve([
    atMost({
      ...BARS.hour,
      measured: shareOf(after),
      more: `right after the restart ${rounded(shareOf(before))} %`,
      how: `the leg plan of ${TUNNELS} tunnels against three modelled relays, which are drained and back one after the other; each tunnel between one and two hours old then, so that its next exchange of a leg may be at any time`,
      values: { busiest_percent: shareOf(after), at_restart_percent: shareOf(before) },
    }),
  ]);
}

function restarted(seed: number, tell: (legs: ModelTunnel['legs']) => void): ModelTunnel {
  const random = seededRandom(seed);
  const all = NAMES.map((_, index) => index);
  const options = { names: NAMES, entries: all, holders: all, balanced: false, prefersLocal: true, random };
  const model = new RelayModel(options);
  const tunnel = new ModelTunnel(model, random);
  tunnel.run(HOUR + (seed % 60) * MINUTE);
  for (const name of NAMES) {
    model.draining.add(name);
    tunnel.leave(name);
    tunnel.run(tunnel.now + STEP_MS);
    model.draining.clear();
  }
  tell(tunnel.legs);
  return tunnel;
}

function count(used: Map<string, number>, legs: ModelTunnel['legs']): void {
  for (const node of legs.flatMap(({ path }) => path)) used.set(node, (used.get(node) ?? 0) + 1);
}

function shareOf(used: ReadonlyMap<string, number>): number {
  const legs = [...used.values()].reduce((sum, each) => sum + each, 0);
  return (100 * Math.max(...used.values())) / legs;
}
