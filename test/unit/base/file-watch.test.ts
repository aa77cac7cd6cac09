/** Files that are read again: what is taken over, what is kept out, when it is said, and that nothing piles up. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BeaconError } from '../../../src/base/errors.ts';
import { FileWatch } from '../../../src/base/file-watch.ts';
import { FILE_POLL_MS } from '../../../src/base/limits.ts';
import { readAtMost } from '../../../src/base/read-file.ts';
import { descriptors } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { recordingLog } from '../../support/recording-log.ts';

const START_MS = 1_700_000_000_000;

/** Two files that are good only while both hold the same number: a certificate and its key, as far as this goes. */
class Scene {
  readonly directory = mkdtempSync(join(tmpdir(), 'beacon-test-'));
  readonly clock = new ManualClock(START_MS);
  readonly #recorded = recordingLog();
  readonly watch = new FileWatch(this.clock, this.#recorded.log);
  loads = 0;

  file(name: string): string {
    return join(this.directory, name);
  }

  write(one: string, two = one): void {
    writeFileSync(this.file('one'), one);
    writeFileSync(this.file('two'), two);
  }

  async load(): Promise<number> {
    this.loads += 1;
    const [one, two] = await Promise.all(['one', 'two'].map((name) => readAtMost(this.file(name), 16)));
    if (!one || !two) throw new BeaconError('config', 'too large');
    if (!one.equals(two)) throw new BeaconError('config', `${one} is not ${two}`);
    return Number(one);
  }

  async open(files = ['one', 'two'].map((name) => this.file(name))) {
    const watched = await this.watch.open({
      name: 'the pair',
      files,
      maxBytes: 16,
      load: () => this.load(),
      describe: (value) => ({ value }),
      notAfterMs: (value) => START_MS + value,
    });
    this.watch.start();
    return watched;
  }

  /** Lets one poll come and go; resolves when all was looked at. */
  async poll(): Promise<void> {
    this.clock.advance(FILE_POLL_MS);
    await this.watch.idle;
  }

  said(level: string): readonly string[] {
    return this.#recorded.lines.filter((line) => line.level === level).map(({ message }) => message);
  }
}

function scene(first = '90000000'): Scene {
  const made = new Scene();
  made.write(first);
  onTestFinished(() => {
    made.watch.close();
    rmSync(made.directory, { recursive: true });
    if (made.clock.pending > 0) throw new Error('a timer was left behind');
  });
  return made;
}

describe('what is taken over', () => {
  it('a change, at the next look, by what the files hold and not by their dates', async () => {
    const at = scene();
    const watched = await at.open();
    const seen: [number, number][] = [];
    watched.onChange = (value) => seen.push([value, watched.value]);
    at.write('90000000');
    at.clock.advance(FILE_POLL_MS - 1);
    await at.watch.idle;
    await at.poll();
    expect([seen, at.loads]).toEqual([[], 1]);
    at.write('90000001');
    await at.poll();
    expect(seen).toEqual([[90_000_001, 90_000_001]]);
    expect(at.said('info')).toEqual(['the pair was read again']);
    expect(at.watch.status).toEqual([
      { name: 'the pair', reloads: 1, failures: 0, failing: false, notAfterMs: START_MS + 90_000_001 },
    ]);
  });

  it('a symbolic link that points elsewhere, as Kubernetes swaps ..data', async () => {
    const at = scene();
    for (const [directory, text] of [
      ['..1', '90000000'],
      ['..2', '90000002'],
    ] as const) {
      mkdirSync(at.file(directory));
      for (const name of ['one', 'two']) writeFileSync(at.file(`${directory}/${name}`), text);
    }
    for (const name of ['one', 'two']) {
      rmSync(at.file(name));
      symlinkSync(`..data/${name}`, at.file(name));
    }
    symlinkSync('..1', at.file('..data'));
    const watched = await at.open();
    symlinkSync('..2', at.file('..data_tmp'));
    renameSync(at.file('..data_tmp'), at.file('..data'));
    await at.poll();
    expect(watched.value).toBe(90_000_002);
  });

  it('nothing that was written before it was opened, and no source that cannot be loaded at all', async () => {
    const at = scene();
    at.write('1', '2');
    await expect(at.open()).rejects.toThrow('1 is not 2');
    expect(at.watch.status).toEqual([]);
  });
});

describe('what is kept out', () => {
  it('a pair that is half swapped, without a word where it is whole at the next look', async () => {
    const at = scene();
    const watched = await at.open();
    at.write('90000001', '90000000');
    await at.poll();
    expect(watched.value).toBe(90_000_000);
    at.write('90000001');
    await at.poll();
    expect([watched.value, at.said('warn'), at.watch.status[0]?.failures]).toEqual([90_000_001, [], 0]);
  });

  it('what stays wrong, warned of once for each change, and counted', async () => {
    const at = scene();
    const watched = await at.open();
    at.write('1', '2');
    for (let look = 0; look < 5; look += 1) await at.poll();
    expect(at.said('warn')).toEqual(['the pair stays as it was: 1 is not 2']);
    expect(at.watch.status).toMatchObject([{ reloads: 0, failures: 1, failing: true }]);
    at.write('3', '4');
    for (let look = 0; look < 3; look += 1) await at.poll();
    expect(at.said('warn')).toEqual([
      'the pair stays as it was: 1 is not 2',
      'the pair stays as it was: 3 is not 4',
    ]);
    at.write('90000000');
    await at.poll();
    expect(at.watch.status).toMatchObject([{ reloads: 0, failures: 2, failing: false }]);
    // It is a change again, and so is the same mistake after it.
    at.write('3', '4');
    await at.watch.reload();
    expect([watched.value, at.said('warn').length]).toEqual([90_000_000, 3]);
  });

  it('at once with a word where somebody asked, and not again at the next look', async () => {
    const at = scene();
    await at.open();
    at.write('1', '2');
    await at.watch.reload();
    expect(at.said('warn')).toHaveLength(1);
    await at.poll();
    await at.watch.reload();
    expect(at.said('warn')).toHaveLength(1);
  });

  it('a file that is missing, a directory, and one that is too large, until it is there again', async () => {
    const at = scene();
    const watched = await at.open();
    rmSync(at.file('two'));
    await at.watch.reload();
    mkdirSync(at.file('two'));
    await at.watch.reload();
    rmSync(at.file('two'), { recursive: true });
    at.write('1'.repeat(17));
    await at.watch.reload();
    expect([watched.value, at.said('warn').length]).toEqual([90_000_000, 3]);
    at.write('90000005');
    await at.watch.reload();
    expect(watched.value).toBe(90_000_005);
  });

  it('what its user cannot use: the value is the old one again', async () => {
    const at = scene();
    const watched = await at.open();
    watched.onChange = () => {
      throw new BeaconError('config', 'of no use');
    };
    at.write('90000001');
    await at.watch.reload();
    expect(watched.value).toBe(90_000_000);
    expect(at.said('warn')).toEqual(['the pair stays as it was: of no use']);
  });
});

it('says once, as an error, that what is in force has expired', async () => {
  const at = scene(String(2 * FILE_POLL_MS));
  await at.open();
  await at.poll();
  await at.poll();
  expect(at.said('error')).toEqual([]);
  await at.poll();
  await at.poll();
  expect(at.said('error')).toEqual([expect.stringMatching(/^the pair has expired/)]);
});

it('asked 1,000 times, looks twice, and leaves no descriptor open', async () => {
  const at = scene();
  const watched = await at.open();
  const before = descriptors();
  const looked = at.said('info').length;
  at.write('90000001');
  await Promise.all(Array.from({ length: 1_000 }, () => at.watch.reload()));
  expect(watched.value).toBe(90_000_001);
  expect(at.said('info').slice(looked)).toEqual([
    'the pair was read again',
    'all files were looked at, as was asked for',
  ]);
  const first = at.watch.reload();
  at.clock.advance(FILE_POLL_MS);
  await Promise.all([first, ...Array.from({ length: 1_000 }, () => at.watch.reload())]);
  expect(at.said('info').slice(looked)).toHaveLength(3);
  expect([at.loads, descriptors()]).toEqual([2, before]);
});

it('looks no more once it is closed', async () => {
  const at = scene();
  await at.open();
  at.watch.close();
  expect(at.clock.pending).toBe(0);
});
