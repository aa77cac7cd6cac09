import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { systemCode } from '../../../src/base/errors.ts';
import { readAtMost, readProblem } from '../../../src/base/read-file.ts';
import { checkLeaks } from '../../support/leaks.ts';

checkLeaks();

function file(bytes: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'beacon-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'file'), Buffer.alloc(bytes, 7));
  return join(folder, 'file');
}

it.each([
  [0, 0],
  [9, 9],
  [10, 10],
  [11, undefined],
  [200_000, undefined],
])('of a file of %i bytes reads %s where 10 are allowed', async (size, read) => {
  expect((await readAtMost(file(size), 10))?.length).toBe(read);
});

it.each([
  ['/no/such/file', 'does not exist'],
  [tmpdir(), 'is a directory; name the file in it'],
])('says what is wrong with %s', async (name, problem) => {
  const error = await readAtMost(name, 10).catch((cause: unknown) => cause);
  expect(readProblem(systemCode(error))).toBe(problem);
});
