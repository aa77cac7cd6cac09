/** A benchmark of several parts, one after the other, with a table that is known before anything was measured. */
import { systemClock } from '../../src/base/clock.ts';
import { messageOf } from '../../src/base/errors.ts';
import { cutClients } from '../../test/support/wire-client.ts';
import { finish, notMeasured, type Row, rounded } from './report.ts';

export interface Part {
  readonly name: string;
  readonly measure: () => Promise<Row[]>;
}

export interface Plan {
  readonly benchmark: string;
  /** The rows to fill, in order. One that no part returns is missed. */
  readonly table: readonly { readonly what: string; readonly bar: string }[];
  readonly parts: readonly Part[];
  /** All must be done by then; what is not counts as missed, and the process ends. */
  readonly endMs: number;
  /** The file for the rows as JSON. */
  readonly json: string | undefined;
}

/** All parts, or the one that `--only` names. A name that there is not ends the process: nothing measured is nothing met. */
export function chosen<T extends Part>(parts: readonly T[], only: string | undefined): readonly T[] {
  const asked = parts.filter(({ name }) => only === undefined || name === only);
  if (asked.length > 0) return asked;
  console.error(`--only ${only}: no such part; there are ${parts.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

/** Measures every part, whatever became of the others, and {@link finish}es. */
export async function measureParts({ benchmark, table, parts, endMs, json }: Plan): Promise<void> {
  const rows = new Map<string, Row>();
  let failure = 'the time was up';
  const report = (): void => {
    const all = table.map(({ what, bar }) => rows.get(what) ?? notMeasured(what, bar, failure));
    finish(benchmark, all, json);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const end = systemClock.after(endMs, () => {
    report();
    process.exit();
  });
  for (const { name, measure } of parts) {
    const start = systemClock.now();
    try {
      for (const row of await measure()) rows.set(row.what, row);
    } catch (error) {
      failure = messageOf(error);
      console.error(error);
    } finally {
      cutClients();
    }
    console.error(`${name}: ${rounded((systemClock.now() - start) / 1_000)} s`);
  }
  end.cancel();
  report();
}
