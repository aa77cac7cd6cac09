/** FORWARD.md against the source: numbers, names, layouts, limits and example bytes. */
import { describe, expect, it } from 'vitest';
import * as limits from '../../../src/base/limits.ts';
import { FORWARD_ALPN, FORWARD_HOPS, FORWARD_VERSION } from '../../../src/wire/forward-frames.ts';
import { FORWARD_LAYOUTS } from '../../../src/wire/forward-layouts.ts';
import { HOLDER_GOLDEN, ORIGIN_GOLDEN } from '../../support/golden-forward-frames.ts';
import { type Golden, goldenBytes } from '../../support/golden-frames.ts';
import { Specification, sourceFrames, spelled, tableRow } from '../../support/specification.ts';

const forward = new Specification('FORWARD.md');
const frames = sourceFrames(FORWARD_LAYOUTS);

describe('FORWARD.md', () => {
  it('lists every frame with its number and sender, and no other', () => {
    const rows = forward.frameRows();
    expect(rows).toEqual(frames.map(tableRow).sort());
    expect(forward.frameHeadings()).toEqual(rows.map(([number, name, sender]) => [name, number, sender]));
  });

  it.each(frames)('gives the fields of $name in the order of the wire', ({ name, fields }) => {
    expect(forward.fieldRows(name)).toEqual(
      Object.entries(fields).map(([field, { notation }]) => [field, notation]),
    );
  });

  it.each(frames)('shows the bytes of $name', ({ name, number }) => {
    const known = Object.values<readonly Golden[]>({ ...ORIGIN_GOLDEN, ...HOLDER_GOLDEN })
      .flat()
      .map((golden) => goldenBytes(golden).toString('hex'));
    const blocks = forward.examples(name);
    // The golden entries are compared with the codec in forward-codec.test.ts.
    expect(blocks.map(({ label }) => label)).toEqual([name]);
    for (const { digits } of blocks) {
      expect(known).toContain(digits);
      expect(Number.parseInt(digits.slice(4, 6), 16)).toBe(number);
    }
  });

  it('states limits as they are', () => {
    const stated = forward.limits();
    expect(stated).toHaveLength(12);
    const named = new Map<string, unknown>(Object.entries(limits));
    for (const [name, value] of stated) expect([name, value]).toEqual([name, named.get(name)]);
    expect(forward.text).toContain(
      `${limits.FORWARDS_PENDING.toLocaleString('en')} requests that are not joined (\`FORWARDS_PENDING\`)`,
    );
    expect(forward.text).toContain(
      `\nmost ${limits.FORWARD_DIALS} forwards to one holder between the dial and its first word (\`FORWARD_DIALS\`)`,
    );
    expect(forward.text).toContain(`for ${limits.FORWARD_SILENCE_MS / 1_000} s in states asking and taken`);
    expect(forward.text).toContain(`JOINED ${limits.FORWARD_JOIN_TIMEOUT_MS / 1_000} s after TAKE`);
    expect(forward.text).toContain(`every ${limits.FORWARD_SIGN_MS} ms while it waits`);
  });

  it('names the ALPN protocol by its bytes, the version and the hops', () => {
    expect(forward.alpn()).toEqual([FORWARD_ALPN, spelled(FORWARD_ALPN)]);
    expect(forward.text).toMatch(new RegExp(`^\\| \`version\` \\| \`u8\` \\| ${FORWARD_VERSION}\\. `, 'm'));
    expect(forward.text).toMatch(new RegExp(`^\\| \`hops\` \\| \`u8\` \\| ${FORWARD_HOPS}\\. `, 'm'));
  });
});
