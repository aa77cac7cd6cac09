/**
 * Looks at what would be published: `npm pack` holds what it must and nothing else, and its binary runs.
 * Prints nothing when all is well. Needs dist/ (`npm run build`).
 */
import { output } from './command.ts';
import { packedFiles } from './release/npm-package.ts';
import { VERSION } from './release/source.ts';

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

function complaints(): readonly string[] {
  const paths = packedFiles();
  const printed = output(process.execPath, ['dist/bin/beacon.js', '--version']);
  return [
    ...REQUIRED.filter((path) => !paths.includes(path)).map((path) => `${path} is missing from the package`),
    ...paths
      .filter((path) => !REQUIRED.includes(path) && !ALLOWED.test(path))
      .map((path) => `${path} does not belong into the package: see "files" in package.json`),
    ...(printed === VERSION
      ? []
      : [`dist/bin/beacon.js --version printed ${printed}, package.json says ${VERSION}`]),
  ];
}

const found = complaints();
for (const complaint of found) console.error(`package: ${complaint}`);
process.exitCode = found.length === 0 ? 0 : 1;
