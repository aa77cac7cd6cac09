/** Before the first test of the chart: without its tools nothing is tested, and that is said and fails. */
import { missingChartTools } from '../../../scripts/ci/chart-tools.ts';

export default function setup(): void {
  const missing = missingChartTools();
  if (missing.length === 0) return;
  throw new Error(
    `NOTHING WAS TESTED: the chart is tested by helm, and these are not here:\n${missing.join('\n')}\n` +
      'npm run chart:tools makes them; it needs Go.',
  );
}
