/** The commands of helm in the docs, to the letter: what they set exists and renders. */
import { globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { helm } from '../support/chart/helm.ts';

/** What a reader or a shell fills in; an upgrade reuses what an installation before it has set. */
const FILLED_IN: readonly (readonly [RegExp, string])[] = [
  [/\$\(beacon info-hash [^)]*\)|\b(INFO_HASH|YOURS)\b/g, 'ab'.repeat(32)],
  [/\bREGISTRY\b/g, 'registry.example.com'],
  [/--reuse-values\b/g, '--set tls.existingSecret=relay-tls'],
];

/** Each `helm install` and `helm upgrade` of this chart, lines that go on joined. */
function commandsIn(page: string): readonly string[] {
  const text = readFileSync(page, 'utf8').replace(/\\\n\s*/g, '');
  return text.match(/^\s*helm (?:install|upgrade) \S+ chart .*$/gm)?.map((line) => line.trim()) ?? [];
}

/** As a shell reads them, as far as the docs go. */
function words(command: string): readonly string[] {
  return command.match(/'[^']*'|"[^"]*"|\S+/g)?.map((word) => word.replaceAll(/['"]/g, '')) ?? [];
}

const COMMANDS = globSync(['README.md', 'docs/*.md', 'chart/README.md']).flatMap((page) =>
  commandsIn(page).map((command): [page: string, command: string] => [page, command]),
);

it('there are some', () => expect(COMMANDS.length).toBeGreaterThan(2));

it.each(COMMANDS)('%s: %s', async (_, command) => {
  const filledIn = FILLED_IN.reduce((text, [pattern, value]) => text.replace(pattern, value), command);
  const [, , ...args] = words(filledIn);
  const { code, stderr } = await helm(['template', ...args, '--kube-version', '1.29.0']);
  expect(stderr).toBe('');
  expect(code).toBe(0);
});
