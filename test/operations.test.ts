/** The pages for operators: tables of codes that leave none out, and links that lead somewhere. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { REFUSAL_CODES } from '../src/base/errors.ts';
import * as exits from '../src/cli/errors.ts';
import { STREAM_REFUSALS } from '../src/tunnel/http2.ts';
import { anchorsOf } from './support/fleet-view.ts';

const PAGES = ['docs/operations.md', 'docs/troubleshooting.md', 'docs/doctor.md'];

/** The cells of each row of the table in the section with that heading. */
function tableOf(heading: string): string[][] {
  const [, section = ''] = readFileSync('docs/operations.md', 'utf8').split(`\n## ${heading}\n`);
  const rows = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('| '));
  const cells = rows.map((row) =>
    row
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
  return cells.slice(1);
}

describe('docs/operations.md', () => {
  it('has every refusal code, with cause and remedy', () => {
    const rows = tableOf('Refusal codes');
    expect(rows.map(([code]) => code)).toEqual(REFUSAL_CODES.map((code) => `\`${code}\``));
    for (const row of rows) {
      expect(row).toHaveLength(3);
      for (const cell of row) expect(cell).not.toBe('');
    }
  });

  it('has every code by which a bridge refuses a stream', () => {
    const codes = tableOf('Stream codes').map(([code]) => code);
    expect(new Set(codes)).toEqual(
      new Set([...Object.keys(STREAM_REFUSALS), 'noTunnel'].map((code) => `\`${code}\``)),
    );
  });

  it('has every exit code', () => {
    const codes = Object.values(exits).filter((each) => typeof each === 'number');
    expect(codes.length).toBeGreaterThan(0);
    expect(tableOf('Exit codes').map(([code]) => Number(code))).toEqual(codes.toSorted((a, b) => a - b));
  });
});

it.each(PAGES)('links of %s lead somewhere', (page) => {
  const text = readFileSync(page, 'utf8');
  const links = [...text.matchAll(/\]\(([^)#\s]*)(?:#([^)\s]+))?\)/g)];
  expect(links.length).toBeGreaterThan(1);
  for (const [link, path = '', anchor] of links) {
    const target = path === '' ? page : join(dirname(page), path);
    expect(existsSync(target), link).toBe(true);
    if (anchor !== undefined) expect(anchorsOf(readFileSync(target, 'utf8')), link).toContain(anchor);
  }
});
