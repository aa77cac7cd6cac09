/**
 * Builds dist/ for the published package: `npm run build`. Prints nothing when all is well.
 * The package needs nothing beside dist/ but what package.json lists under `files`.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';

const BINARY = 'dist/bin/beacon.js';

rmSync('dist', { recursive: true, force: true });
const { status } = spawnSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
if (status === 0) chmodSync(BINARY, 0o755);
process.exitCode = status ?? 1;
