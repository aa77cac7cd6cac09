import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { VERSION } from '../../../src/base/version.ts';

it('is the version in package.json', () => {
  expect(readFileSync('package.json', 'utf8')).toContain(`"version": "${VERSION}"`);
});
