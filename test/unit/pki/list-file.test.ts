/** A file with one entry a line: what it holds, and when its holder is told. The allow file's own tests show the rest. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BeaconError } from '../../../src/base/errors.ts';
import { FileWatch } from '../../../src/base/file-watch.ts';
import { type ListKind, parseList, watchList } from '../../../src/pki/list-file.ts';
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
  const watch = new FileWatch(new ManualClock(), log);
  const list = await watchList(file, NUMBERS, watch);
  let changes = 0;
  list.onChange = () => {
    changes += 1;
  };
  return { file, list, watch, lines, changes: () => changes };
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

describe('watchList', () => {
  it('tells of each change of its entries, after it', async () => {
    const { file, list, watch, lines } = await openWith('1');
    let seen: number[] = [];
    list.onChange = (entries) => {
      seen = [...entries, ...list.value];
    };
    writeFileSync(file, '1\n2');
    await watch.reload();
    expect(seen).toEqual([1, 2, 1, 2]);
    expect(lines[0]).toMatchObject({ message: 'the number file was read again', fields: { entries: 2 } });
  });

  it('tells of nothing where nothing changed, or the new content has a mistake or is too large', async () => {
    const { file, list, changes, lines, watch } = await openWith('1');
    await watch.reload();
    for (const text of ['two', '#'.repeat(17)]) {
      writeFileSync(file, text);
      await watch.reload();
    }
    expect([changes(), [...list.value]]).toEqual([0, [1]]);
    const warnings = lines.filter(({ level }) => level === 'warn');
    expect(warnings.map(({ message }) => message.replace(/ \S*numbers/, ''))).toEqual([
      'the number file stays as it was: --number-file:, line 1: not a number',
      'the number file stays as it was: --number-file: is larger than 16 bytes',
    ]);
  });

  it('takes a file of the largest size', async () => {
    const { list } = await openWith(`1${'#'.repeat(15)}`);
    expect([...list.value]).toEqual([1]);
  });
});
