import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { systemRandom } from '../../../src/base/random.ts';
import {
  pairFiles,
  readAuthority,
  readLeaf,
  replacePairs,
  writeNewPairs,
} from '../../../src/cli/cert-files.ts';
import { makePki, writePki } from '../../support/certificates.ts';

const base = mkdtempSync(join(tmpdir(), 'beacon-cert-files-'));
afterAll(() => rmSync(base, { recursive: true }));

const { bridge, broker, bridgeCa } = makePki();
const config = expect.objectContaining({ code: 'config' });

function directory(name: string): string {
  const path = join(base, name);
  mkdirSync(path);
  return path;
}

test('new pairs are written with their directories, and read back', async () => {
  const path = join(base, 'deep', 'er');
  const files = pairFiles(path, 'bridge');
  await writeNewPairs([{ files, issued: bridge }]);
  expect(readFileSync(files.key, 'utf8')).toBe(bridge.key);
  expect(await readLeaf(files.cert, '--dir')).toEqual(bridge.der);
  expect(statSync(path).mode & 0o777).toBe(0o700);
});

test('a link in the way is not followed', async () => {
  const path = directory('links');
  const target = join(path, 'target');
  const files = pairFiles(path, 'bridge');
  symlinkSync(target, files.key);
  await expect(writeNewPairs([{ files, issued: bridge }])).rejects.toEqual(config);
  expect(readdirSync(path)).toEqual(['bridge.key']);
});

test('of several pairs all are written or none', async () => {
  const path = directory('several');
  const pairs = [
    { files: pairFiles(path, 'bridge'), issued: bridge },
    { files: pairFiles(path, 'broker'), issued: broker },
  ];
  writeFileSync(join(path, 'broker.crt'), 'mine');
  await expect(writeNewPairs(pairs)).rejects.toEqual(config);
  expect(readdirSync(path)).toEqual(['broker.crt']);
  expect(readFileSync(join(path, 'broker.crt'), 'utf8')).toBe('mine');
});

test('replaced files are new ones with the right modes, whatever the old ones had', async () => {
  const path = directory('replaced');
  const files = pairFiles(path, 'bridge');
  writeFileSync(files.key, 'old', { mode: 0o644 });
  writeFileSync(files.cert, 'old');
  await replacePairs([{ files, issued: bridge }], systemRandom);
  expect(readdirSync(path).sort()).toEqual(['bridge.crt', 'bridge.key']);
  expect(readFileSync(files.key, 'utf8')).toBe(bridge.key);
  expect(statSync(files.key).mode & 0o777).toBe(0o600);
});

test('a replacement that fails leaves the old files and nothing else', async () => {
  const path = directory('kept');
  const files = pairFiles(path, 'bridge');
  writeFileSync(files.key, 'old');
  const other = pairFiles(join(path, 'none'), 'broker');
  const pairs = [
    { files, issued: bridge },
    { files: other, issued: broker },
  ];
  await expect(replacePairs(pairs, systemRandom)).rejects.toEqual(config);
  expect(readdirSync(path)).toEqual(['bridge.key']);
  expect(readFileSync(files.key, 'utf8')).toBe('old');
});

test('a CA is read from its files, and what is none is named', async () => {
  const path = writePki(join(base, 'pki'));
  expect((await readAuthority(path, 'bridge-ca', '--ca')).der).toEqual(bridgeCa.der);
  writeFileSync(join(path, 'text.crt'), 'hello');
  await expect(readLeaf(join(path, 'text.crt'), '--ca')).rejects.toMatchObject({
    code: 'config',
    message: `--ca ${join(path, 'text.crt')} holds no certificate`,
  });
});
