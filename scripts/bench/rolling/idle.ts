/** Row 2: how long a node takes to leave that carries nothing, though bridges are parked on it. */
import { systemClock } from '../../../src/base/clock.ts';
import { makePkiDirectory, startBeacon } from '../../../test/support/processes.ts';
import { DelayProxy } from '../failover/delay-proxy.ts';
import { argsOf, freshPki } from '../failover/site.ts';
import { LOOPBACK } from '../loopback.ts';
import { RelayCluster } from '../relay-cluster.ts';
import { atMost, type Row } from '../report.ts';
import { BARS } from './bars.ts';

export async function measureIdle(): Promise<Row[]> {
  const files = await makePkiDirectory(freshPki());
  const cluster = await RelayCluster.start({ zones: ['zone-a', 'zone-b', 'zone-c'] });
  const ways = await Promise.all(cluster.nodes.map((node) => DelayProxy.listen(() => cluster.portOf(node))));
  const bridge = await startBeacon(argsOf(files, 'bridge', ways, ['--vault-addr', `tcp://${LOOPBACK}:1`]));
  try {
    await bridge.waitFor('parked at a relay');
    const times: number[] = [];
    for (const node of [...cluster.nodes, ...cluster.nodes]) {
      const begun = systemClock.now();
      await cluster.drain(node);
      times.push((systemClock.now() - begun) / 1_000);
      await cluster.restart(node);
    }
    return [
      atMost({
        ...BARS.idle,
        of: 'worst',
        measured: Math.max(...times),
        how: `from SIGTERM to the end of the process, ${times.length} drains, with a bridge parked on all three nodes and no splice`,
      }),
    ];
  } finally {
    await bridge.kill();
    for (const way of ways) way.stop();
    await cluster.stop();
    await files.remove();
  }
}
