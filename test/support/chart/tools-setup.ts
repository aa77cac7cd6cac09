/** Before the first test of the chart: without its tools nothing is tested, and that is said and fails. */
import { spawnSync } from 'node:child_process';
import { missingChartTools } from '../../../scripts/ci/chart-tools.ts';

/** Of Debian's package prometheus: alerts and dashboard are tested by them. */
const PROGRAMS = ['prometheus', 'promtool'];

export default function setup(): void {
  const missing = missingChartTools();
  const absent = PROGRAMS.filter((program) => spawnSync(program, ['--version']).error);
  if (missing.length + absent.length === 0) return;
  throw new Error(
    `NOTHING WAS TESTED: these are not here:\n${[...missing, ...absent].join('\n')}\n` +
      'npm run chart:tools makes what the chart is tested by, and needs Go; prometheus and promtool are in the package prometheus.',
  );
}
