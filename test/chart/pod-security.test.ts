/** That the rules of pod-security.ts are those of Kubernetes: its own examples of pods that pass, and of pods that fail. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { CHART_TOOLS } from '../../scripts/ci/chart-tools.ts';
import { type Pod, podSecurityFaults } from '../support/chart/pod-security.ts';

function podsIn(folder: string): readonly [string, Pod][] {
  return readdirSync(folder).map((file) => [file, parse(readFileSync(join(folder, file), 'utf8'))]);
}

/** What this project wants to know nothing of, and so is stricter about. */
const STRICTER = /^(sysctls|base_windows)/;

it.each(podsIn(CHART_TOOLS.podSecurity.fail))('refuses %s', (_, pod) => {
  expect(podSecurityFaults(pod)).not.toEqual([]);
});

it.each(podsIn(CHART_TOOLS.podSecurity.pass).filter(([file]) => !STRICTER.test(file)))(
  'takes %s',
  (_, pod) => {
    expect(podSecurityFaults(pod)).toEqual([]);
  },
);
