/** PROTOCOL.md against the source: numbers, names, layouts, limits, refusal codes and example bytes. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as limits from '../../../src/base/limits.ts';
import { ALPN, INSTANCE_BYTES, PAIR_ID_BYTES } from '../../../src/wire/frames.ts';
import { frameName, LAYOUTS } from '../../../src/wire/layouts.ts';
import { REFUSALS } from '../../../src/wire/refusal.ts';
import { CLIENT_GOLDEN, type Golden, goldenBytes, RELAY_GOLDEN } from '../../support/golden-frames.ts';

const file = new URL('../../../src/wire/PROTOCOL.md', import.meta.url);
/** Without the blanks that the formatter puts into tables. */
const protocol = readFileSync(file, 'utf8').replaceAll(/ +\|/g, ' |');
const layouts = Object.entries(LAYOUTS).map(([type, layout]) => ({
  ...layout,
  name: frameName(type as 'ping'),
}));
const hexByte = (number: number): string => `0x${number.toString(16).padStart(2, '0')}`;

/** What the pattern's groups match, once for each match. */
function groups(pattern: RegExp, text = protocol): string[][] {
  return [...text.matchAll(pattern)].map((match) => match.slice(1));
}

/** The section of one frame, by its heading. */
function section(name: string): string {
  return protocol.split(/^(?=#{2,3} )/m).find((part) => part.startsWith(`### ${name} `)) ?? '';
}

describe('PROTOCOL.md', () => {
  it('lists every frame with its number and sender, and no other', () => {
    const rows = groups(/^\| `(0x[0-9a-f]{2})` \| ([A-Z]+) \| (client|relay|both) \|/gm);
    const table = layouts.map(({ number, name, sender }) => [hexByte(number), name, sender]);
    expect(rows).toEqual(table.sort());
    const headings = groups(/^### ([A-Z]+) `(0x[0-9a-f]{2})` from (client|relay|both)$/gm);
    expect(headings).toEqual(rows.map(([number, name, sender]) => [name, number, sender]));
  });

  it.each(layouts)('gives the fields of $name in the order of the wire', ({ name, fields }) => {
    const rows = groups(/^\| `(\w+)` \| `([^`]+)` \| \S/gm, section(name));
    expect(rows).toEqual(Object.entries(fields).map(([field, { notation }]) => [field, notation]));
  });

  it.each(layouts)('shows the bytes of $name', ({ name, number }) => {
    const known = Object.values<readonly Golden[]>({ ...RELAY_GOLDEN, ...CLIENT_GOLDEN })
      .flat()
      .concat(RELAY_GOLDEN.ping, RELAY_GOLDEN.pong)
      .map((golden) => goldenBytes(golden).toString('hex'));
    const blocks = groups(/^```hex ([A-Z]+)\n([^`]+)^```$/gm, section(name));
    // The golden entries are compared with the encoder and the decoder in their own tests.
    expect(blocks.map(([label]) => label)).toEqual(name === 'HELLO' ? [name, name] : [name]);
    for (const [, block] of blocks) {
      const digits = (block ?? '').replaceAll(/;.*$/gm, '').replaceAll(/\s/g, '');
      expect(known).toContain(digits);
      expect(Number.parseInt(digits.slice(4, 6), 16)).toBe(number);
    }
  });

  it('shows HELLO of both roles', () => {
    const roles = groups(/^```hex HELLO\n.*\n01 0([12]) /gm).flat();
    expect(roles).toEqual(['1', '2']);
  });

  it('has the refusal codes with their numbers and whether to retry', () => {
    const rows = groups(/^\| (\d+) \| `(\w+)` \| (bridge|broker|both) \| (later|elsewhere|never) \| \S/gm);
    expect(rows).toEqual(
      Object.entries(REFUSALS).map(([code, { number, who, retry }]) => [String(number), code, who, retry]),
    );
  });

  it('states limits as they are', () => {
    const rows = groups(/^\| .* \| `([A-Z_]+)` \| ([\d,]+) (?:bytes|ms|instances|nodes|certificates) \|$/gm);
    expect(rows.length).toBeGreaterThanOrEqual(20);
    const named = new Map(Object.entries(limits));
    for (const [name, value] of rows) {
      expect([name, Number(value?.replaceAll(',', ''))]).toEqual([name, named.get(name ?? '')]);
    }
  });

  it('names the ALPN protocol by its bytes', () => {
    const [spelled] = groups(/ALPN protocol name `([^`]+)` \([^`]*`([0-9a-f ]+)`\)/g);
    expect(spelled).toEqual([
      ALPN,
      Buffer.from(ALPN)
        .toString('hex')
        .replaceAll(/(..)(?=.)/g, '$1 '),
    ]);
    expect(LAYOUTS.hello.fields.instance.notation).toBe(`bytes8[${INSTANCE_BYTES}]`);
    expect(LAYOUTS.offer.fields.pairId.notation).toBe(`bytes8[${PAIR_ID_BYTES}]`);
  });
});
