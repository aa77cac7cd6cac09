import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FileWatch } from '../../../src/base/file-watch.ts';
import { ALLOW_FILE_BYTES } from '../../../src/base/limits.ts';
import { silentLog } from '../../../src/base/log.ts';
import { parseAllowFile, watchAllowFile } from '../../../src/relay/allow-file.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { recordingLog } from '../../support/recording-log.ts';

const A = 'aa'.repeat(32);
const B = 'bb'.repeat(32);

const refusal = (text: RegExp) =>
  expect.objectContaining({ code: 'config', message: expect.stringMatching(text) });

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'beacon-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** A file with `text`, opened; `lines` are the log. */
async function openWith(text: string) {
  const file = join(temporary(), 'allowed.txt');
  writeFileSync(file, text);
  const { log, lines } = recordingLog();
  const watch = new FileWatch(new ManualClock(), log);
  const list = await watchAllowFile(file, watch);
  return { file, list, lines, watch };
}

const open = (file: string) => watchAllowFile(file, new FileWatch(new ManualClock(), silentLog));

describe('parseAllowFile', () => {
  it.each([
    ['nothing', '', []],
    ['one hash', A, [A]],
    ['hashes with line feeds', `${A}\n${B}\n`, [A, B]],
    ['hashes with carriage returns', `${A}\r\n${B}\r\n`, [A, B]],
    ['comments, blanks and empty lines', `# ours\n\n  ${A}  # EU\n#${B}\n`, [A]],
    ['a byte order mark', `\uFEFF${A}\n`, [A]],
    ['capitals and colons', `${(A.toUpperCase().match(/../g) ?? []).join(':')}\n`, [A]],
    ['a hash twice', `${A}\n${A}\n`, [A]],
  ])('reads %s', (_name, text, hashes) => {
    expect([...parseAllowFile(text, 'f')]).toEqual(hashes);
  });

  it('names file and line of a mistake', () => {
    expect(() => parseAllowFile(`# ours\n${A}\n\n${A.slice(1)}\n`, 'allowed.txt')).toThrow(
      refusal(/allowed\.txt, line 4: not an info_hash/),
    );
  });
});

describe('watchAllowFile', () => {
  it('takes the list as it is', async () => {
    const { list, lines } = await openWith(`${A}\n`);
    expect([[...list.value], lines]).toEqual([[A], []]);
  });

  it('refuses a list with a mistake', async () => {
    await expect(openWith('oops\n')).rejects.toEqual(refusal(/allowed\.txt, line 1/));
  });

  it('says what is wrong with a file that cannot be read', async () => {
    const directory = temporary();
    await expect(open(join(directory, 'missing'))).rejects.toEqual(
      refusal(/^--allow-file: .*missing does not exist$/),
    );
    await expect(open(directory)).rejects.toEqual(refusal(/is a directory/));
  });

  it('takes a file of the largest size and none that is larger', async () => {
    const filler = `${'#'.padEnd(ALLOW_FILE_BYTES - 65)}\n`;
    const { list, file } = await openWith(filler + A);
    expect([...list.value]).toEqual([A]);
    writeFileSync(file, `${filler + A}\n`);
    await expect(open(file)).rejects.toEqual(refusal(/is larger than/));
  });
});

describe('a change of the allow file', () => {
  it('is taken over', async () => {
    const { file, list, lines, watch } = await openWith(`${A}\n`);
    writeFileSync(file, `${A}\n${B}\n`);
    await watch.reload();
    expect([...list.value]).toEqual([A, B]);
    expect(lines[0]).toEqual({
      level: 'info',
      message: 'the allow file was read again',
      fields: { entries: 2 },
    });
  });

  it('with a mistake leaves the last good list in force', async () => {
    const { file, list, lines, watch } = await openWith(`${A}\n`);
    writeFileSync(file, `${B}\noops\n`);
    await watch.reload();
    expect([...list.value]).toEqual([A]);
    expect(lines[0]).toMatchObject({ level: 'warn', message: expect.stringContaining('line 2') });
    writeFileSync(file, `${B}\n`);
    await watch.reload();
    expect([...list.value]).toEqual([B]);
  });
});
