/** The costs of the directory, measured in a process whose heap holds nothing else. */
import { type ClusterCosts, type EntryCosts, measureCluster, measureEntries } from './directory.ts';

export type CostsTask = 'entries' | { readonly seconds: number };
export type CostsAnswer<T extends CostsTask> = T extends 'entries' ? EntryCosts : ClusterCosts;

process.once('message', (task: { readonly measure: CostsTask }) => {
  const { measure } = task;
  process.send?.(measure === 'entries' ? measureEntries() : measureCluster(measure.seconds));
});
