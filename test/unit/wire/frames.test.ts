/** PROTOCOL.md against the source: numbers, names, layouts, limits, refusal codes and example bytes. */
import { describe, expect, it } from 'vitest';
import * as limits from '../../../src/base/limits.ts';
import { ALPN, INSTANCE_BYTES, PAIR_ID_BYTES } from '../../../src/wire/frames.ts';
import { LAYOUTS } from '../../../src/wire/layouts.ts';
import { REFUSALS } from '../../../src/wire/refusal.ts';
import { CLIENT_GOLDEN, type Golden, goldenBytes, RELAY_GOLDEN } from '../../support/golden-frames.ts';
import { Specification, sourceFrames, spelled, tableRow } from '../../support/specification.ts';

const protocol = new Specification('PROTOCOL.md');
const frames = sourceFrames(LAYOUTS);

describe('PROTOCOL.md', () => {
  it('lists every frame with its number and sender, and no other', () => {
    const rows = protocol.frameRows();
    expect(rows).toEqual(frames.map(tableRow).sort());
    expect(protocol.frameHeadings()).toEqual(rows.map(([number, name, sender]) => [name, number, sender]));
  });

  it.each(frames)('gives the fields of $name in the order of the wire', ({ name, fields }) => {
    expect(protocol.fieldRows(name)).toEqual(
      Object.entries(fields).map(([field, { notation }]) => [field, notation]),
    );
  });

  it.each(frames)('shows the bytes of $name', ({ name, number }) => {
    const known = Object.values<readonly Golden[]>({ ...RELAY_GOLDEN, ...CLIENT_GOLDEN })
      .flat()
      .concat(RELAY_GOLDEN.ping, RELAY_GOLDEN.pong)
      .map((golden) => goldenBytes(golden).toString('hex'));
    const blocks = protocol.examples(name);
    // The golden entries are compared with the encoder and the decoder in their own tests.
    expect(blocks.map(({ label }) => label)).toEqual(name === 'HELLO' ? [name, name] : [name]);
    for (const { digits } of blocks) {
      expect(known).toContain(digits);
      expect(Number.parseInt(digits.slice(4, 6), 16)).toBe(number);
    }
  });

  it('shows HELLO of both roles', () => {
    const roles = protocol.groups(/^```hex HELLO\n.*\n01 0([12]) /gm).flat();
    expect(roles).toEqual(['1', '2']);
  });

  it('has the refusal codes with their numbers and whether to retry', () => {
    const rows = protocol.groups(
      /^\| (\d+) \| `(\w+)` \| (bridge|broker|both) \| (later|elsewhere|never) \| \S/gm,
    );
    expect(rows).toEqual(
      Object.entries(REFUSALS).map(([code, { number, who, retry }]) => [String(number), code, who, retry]),
    );
  });

  it('states limits as they are', () => {
    const stated = protocol.limits();
    expect(stated.length).toBeGreaterThanOrEqual(20);
    const named = new Map<string, unknown>(Object.entries(limits));
    for (const [name, value] of stated) expect([name, value]).toEqual([name, named.get(name)]);
  });

  it('names the ALPN protocol by its bytes', () => {
    expect(protocol.alpn()).toEqual([ALPN, spelled(ALPN)]);
    expect(LAYOUTS.hello.fields.instance.notation).toBe(`bytes8[${INSTANCE_BYTES}]`);
    expect(LAYOUTS.offer.fields.pairId.notation).toBe(`bytes8[${PAIR_ID_BYTES}]`);
  });
});
