import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ALLOW_FILE_BYTES, FILE_POLL_MS } from '../../../src/base/limits.ts';
import { createLog, silentLog } from '../../../src/base/log.ts';
import { AllowFile, parseAllowFile } from '../../../src/relay/allow-file.ts';
import { ManualClock } from '../../support/manual-clock.ts';

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
  const lines: { level: string; msg: string; entries?: number }[] = [];
  const log = createLog({
    level: 'info',
    format: 'json',
    write: (line) => void lines.push(JSON.parse(line)),
  });
  const clock = new ManualClock();
  const list = await AllowFile.open(file, clock, log);
  onTestFinished(() => list.close());
  return { file, list, lines, clock };
}

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

describe('AllowFile.open', () => {
  it('takes the list as it is', async () => {
    const { list, lines } = await openWith(`${A}\n`);
    expect([[...list.hashes], lines]).toEqual([[A], []]);
  });

  it('refuses a list with a mistake', async () => {
    await expect(openWith('oops\n')).rejects.toEqual(refusal(/allowed\.txt, line 1/));
  });

  it('says what is wrong with a file that cannot be read', async () => {
    const directory = temporary();
    const open = (file: string) => AllowFile.open(file, new ManualClock(), silentLog);
    await expect(open(join(directory, 'missing'))).rejects.toEqual(
      refusal(/^--allow-file: .*missing does not exist$/),
    );
    await expect(open(directory)).rejects.toEqual(refusal(/is a directory/));
  });

  it('takes a file of the largest size and none that is larger', async () => {
    const filler = `${'#'.padEnd(ALLOW_FILE_BYTES - 65)}\n`;
    const { list, file } = await openWith(filler + A);
    expect([...list.hashes]).toEqual([A]);
    writeFileSync(file, `${filler + A}\n`);
    await expect(AllowFile.open(file, new ManualClock(), silentLog)).rejects.toEqual(
      refusal(/is larger than/),
    );
  });
});

describe('AllowFile', () => {
  it('takes a change over', async () => {
    const { file, list, lines } = await openWith(`${A}\n`);
    writeFileSync(file, `${A}\n${B}\n`);
    await list.reload();
    expect([...list.hashes]).toEqual([A, B]);
    expect(lines).toMatchObject([{ level: 'info', entries: 2 }]);
  });

  it('says nothing where nothing changed', async () => {
    const { list, lines } = await openWith(`${A}\n`);
    await list.reload();
    expect(lines).toEqual([]);
  });

  it('keeps the last good list while the new one has a mistake, and says so once', async () => {
    const { file, list, lines } = await openWith(`${A}\n`);
    writeFileSync(file, `${B}\noops\n`);
    await list.reload();
    await list.reload();
    expect([...list.hashes]).toEqual([A]);
    expect(lines).toMatchObject([{ level: 'warn', msg: expect.stringContaining('line 2') }]);
    writeFileSync(file, `${B}\n`);
    await list.reload();
    expect([...list.hashes]).toEqual([B]);
  });

  it('takes the old list back after a mistake', async () => {
    const { file, list } = await openWith(`${A}\n`);
    writeFileSync(file, 'oops\n');
    await list.reload();
    writeFileSync(file, `${A}\n`);
    await list.reload();
    expect([...list.hashes]).toEqual([A]);
  });

  it('keeps the last good list while the file is missing', async () => {
    const { file, list, lines } = await openWith(`${A}\n`);
    rmSync(file);
    await list.reload();
    expect([...list.hashes]).toEqual([A]);
    expect(lines).toMatchObject([{ level: 'warn', msg: expect.stringContaining('does not exist') }]);
    writeFileSync(file, `${B}\n`);
    await list.reload();
    expect([...list.hashes]).toEqual([B]);
  });

  it('reads every 10 s by itself until it is closed', async () => {
    const { file, list, clock, lines } = await openWith(`${A}\n`);
    writeFileSync(file, `${B}\n`);
    clock.advance(FILE_POLL_MS - 1);
    expect(lines).toEqual([]);
    clock.advance(1);
    await expect.poll(() => [...list.hashes], { interval: 1 }).toEqual([B]);
    list.close();
    expect(clock.pending).toBe(0);
  });

  it('sees a list that a symbolic link was moved to, as Kubernetes does it', async () => {
    const directory = temporary();
    for (const [name, text] of [
      ['one', A],
      ['two', B],
    ] as const) {
      writeFileSync(join(directory, name), text);
      chmodSync(join(directory, name), 0o400);
    }
    const link = join(directory, 'allowed');
    symlinkSync('one', link);
    const list = await AllowFile.open(link, new ManualClock(), silentLog);
    onTestFinished(() => list.close());
    rmSync(link);
    symlinkSync('two', link);
    await list.reload();
    expect([...list.hashes]).toEqual([B]);
  });
});
