/** The package of the Helm chart. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CHART_TOOLS } from '../ci/chart-tools.ts';
import { output } from '../command.ts';
import { tarGz } from './archive.ts';
import type { Part } from './part.ts';

const CHART = 'chart';

/** helm writes the time of day into the package, so it is packed once more. */
export const chartPackage: Part = async ({ out, scratch, seconds }) => {
  if (!existsSync(join(CHART, 'Chart.yaml')))
    throw new Error('there is no chart/Chart.yaml: the release would be without its chart');
  // That of the tests, or the machine's.
  const helm = existsSync(CHART_TOOLS.helm) ? CHART_TOOLS.helm : 'helm';
  const packed = join(scratch, 'chart');
  const unpacked = join(scratch, 'chart-unpacked');
  for (const directory of [packed, unpacked]) mkdirSync(directory);
  output(helm, ['package', CHART, '--destination', packed]);
  const [file = ''] = readdirSync(packed);
  output('tar', ['-xf', join(packed, file), '-C', unpacked]);
  const [name = ''] = readdirSync(unpacked);
  await tarGz(join(unpacked, name), join(out, file), seconds);
  output(helm, ['show', 'chart', join(out, file)]);
};
