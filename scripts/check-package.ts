/**
 * Looks at what would be published: `npm pack` holds what it must and nothing else, and its binary runs.
 * Prints nothing when all is well. Needs dist/ (`npm run build`).
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

interface Packed {
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

const REQUIRED = [
  'package.json',
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
  'src/wire/PROTOCOL.md',
  'src/wire/FORWARD.md',
  'src/wire/TUNNEL.md',
  'packaging/systemd/beacon-relay.service',
  'packaging/systemd/beacon-bridge.service',
  'packaging/systemd/beacon-broker.service',
  'packaging/systemd/beacon.sysusers',
  'dist/bin/beacon.js',
];
const ALLOWED = /^(dist\/.*\.(js|d\.ts)|src\/wire\/(PROTOCOL|FORWARD|TUNNEL)\.md)$/;

function output(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr}`);
  return stdout;
}

/** What npm would pack; newer releases of npm print an object keyed by package name, older ones a list. */
function packed(): Packed {
  const printed: unknown = JSON.parse(output('npm', ['pack', '--dry-run', '--json', '--ignore-scripts']));
  const [first] = Object.values(printed as Record<string, Packed>);
  if (!first) throw new Error('npm pack printed nothing');
  return first;
}

function complaints(): readonly string[] {
  const { version }: { readonly version: string } = JSON.parse(readFileSync('package.json', 'utf8'));
  const paths = packed().files.map(({ path }) => path);
  const printed = output(process.execPath, ['dist/bin/beacon.js', '--version']).trim();
  return [
    ...REQUIRED.filter((path) => !paths.includes(path)).map((path) => `${path} is missing from the package`),
    ...paths
      .filter((path) => !REQUIRED.includes(path) && !ALLOWED.test(path))
      .map((path) => `${path} does not belong into the package: see "files" in package.json`),
    ...(printed === version
      ? []
      : [`dist/bin/beacon.js --version printed ${printed}, package.json says ${version}`]),
  ];
}

const found = complaints();
for (const complaint of found) console.error(`package: ${complaint}`);
process.exitCode = found.length === 0 ? 0 : 1;
