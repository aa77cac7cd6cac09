/** A file with one entry a line: what it holds, and when its holder is told. The allow file's own tests show the rest. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BeaconError } from '../../../src/base/errors.ts';
import { FILE_POLL_MS } from '../../../src/base/limits.ts';
import { ListFile, type ListKind, parseList } from '../../../src/pki/list-file.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { recordingLog } from '../../support/recording-log.ts';

const NUMBERS: ListKind<number> = {
  flag: '--number-file',
  name: 'the number file',
  maxBytes: 16,
  parse: (entry) => {
    if (!/^\d+$/.test(entry)) throw new BeaconError('config', 'not a number');
    return Number(entry);
  },
};

async function openWith(text: string) {
  const directory = mkdtempSync(join(tmpdir(), 'beacon-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'numbers');
  writeFileSync(file, text);
  const { log, lines } = recordingLog();
  const clock = new ManualClock();
  const list = await ListFile.open(file, NUMBERS, clock, log);
  onTestFinished(() => list.close());
  let changes = 0;
  list.onChange = () => {
    changes += 1;
  };
  return { file, list, clock, lines, changes: () => changes };
}

describe('parseList', () => {
  it('reads an entry a line, without comments, blanks and repetitions', () => {
    expect([...parseList('# all\n 1 # one\r\n\n2\n1', 'f', NUMBERS)]).toEqual([1, 2]);
  });

  it('names flag, file and line of a mistake', () => {
    expect(() => parseList('1\n# x\ntwo', 'f', NUMBERS)).toThrow(
      expect.objectContaining({ code: 'config', message: '--number-file: f, line 3: not a number' }),
    );
  });
});

describe('ListFile', () => {
  it('tells of each change of its entries, after it', async () => {
    const { file, list, changes } = await openWith('1');
    let seen: number[] = [];
    list.onChange = () => {
      seen = [...list.entries];
    };
    writeFileSync(file, '1\n2');
    await list.reload();
    expect([seen, changes()]).toEqual([[1, 2], 0]);
  });

  it('tells of nothing where nothing changed, or the new content has a mistake or is too large', async () => {
    const { file, list, changes, lines } = await openWith('1');
    await list.reload();
    for (const text of ['two', '#'.repeat(17)]) {
      writeFileSync(file, text);
      await list.reload();
    }
    expect([changes(), [...list.entries]]).toEqual([0, [1]]);
    expect(lines.map(({ level, message }) => `${level} ${message.replace(/ \S*numbers/, '')}`)).toEqual([
      'warn the number file stays as it was: --number-file:, line 1: not a number',
      'warn the number file stays as it was: --number-file: is larger than 16 bytes',
    ]);
  });

  it('takes a file of the largest size', async () => {
    const { list } = await openWith(`1${'#'.repeat(15)}`);
    expect([...list.entries]).toEqual([1]);
  });

  it(`looks each ${FILE_POLL_MS} ms until it is closed`, async () => {
    const { file, list, clock, changes } = await openWith('1');
    writeFileSync(file, '2');
    clock.advance(FILE_POLL_MS - 1);
    expect(changes()).toBe(0);
    clock.advance(1);
    await expect.poll(changes, { interval: 1 }).toBe(1);
    list.close();
    expect(clock.pending).toBe(0);
  });
});
