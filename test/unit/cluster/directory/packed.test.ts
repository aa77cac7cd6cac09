import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Instances, instancesOf, type Key, keyOf } from '../../../../src/cluster/directory/entries.ts';
import { checkPacked, eachPacked, Packer } from '../../../../src/cluster/directory/packed.ts';
import { hash, instance, packed } from '../../../support/directory-messages.ts';

const malformed = expect.objectContaining({ code: 'malformed' });

function unpack(bytes: Uint8Array): [Key, Instances][] {
  const entries: [Key, Instances][] = [];
  eachPacked(bytes, (key, instances) => entries.push([key, instances]));
  return entries;
}

describe('packed entries', () => {
  it('are info_hash, count, instances', () => {
    const bytes = Buffer.from(packed({ 1: [2, 3], 4: [] }));
    expect(bytes.toString('hex')).toBe(`${hash(1)}02${instance(2)}${instance(3)}${hash(4)}00`);
    expect(() => checkPacked(bytes)).not.toThrow();
    expect(unpack(bytes)).toEqual([
      [keyOf(hash(1)), instancesOf(instance(2), instance(3))],
      [keyOf(hash(4)), ''],
    ]);
  });

  it('end where the next would not fit', () => {
    const packer = new Packer(33 + 49);
    expect(packer.add(keyOf(hash(1)), instancesOf(instance(1), instance(2), instance(3), instance(4)))).toBe(
      false,
    );
    expect(packer.add(keyOf(hash(2)), instancesOf(instance(1)))).toBe(true);
    expect(packer.add(keyOf(hash(3)), instancesOf(instance(1)))).toBe(false);
    expect(packer.add(keyOf(hash(3)), '')).toBe(true);
    expect(unpack(packer.bytes).map(([key]) => key)).toEqual([keyOf(hash(2)), keyOf(hash(3))]);
  });

  it('may name 8 instances and no more', () => {
    const eight = packed({ 1: [1, 2, 3, 4, 5, 6, 7, 8] });
    expect(() => checkPacked(eight)).not.toThrow();
    expect(() => checkPacked(packed({ 1: [1, 2, 3, 4, 5, 6, 7, 8, 9] }))).toThrow(malformed);
    eight[32] = 255;
    expect(() => checkPacked(eight)).toThrow(malformed);
  });

  it('are refused when cut anywhere but between entries', () => {
    const bytes = packed({ 1: [2, 3], 4: [5], 6: [] });
    const whole = [0, 65, 65 + 49, 65 + 49 + 33];
    for (let end = 0; end <= bytes.length; end += 1) {
      const check = (): void => checkPacked(bytes.subarray(0, end));
      if (whole.includes(end)) expect(check).not.toThrow();
      else expect(check, `cut at ${end}`).toThrow(malformed);
    }
  });

  it('are read whole or refused, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        let sound = true;
        try {
          checkPacked(bytes);
        } catch {
          sound = false;
        }
        if (!sound) return;
        const again = new Packer(bytes.length);
        for (const [key, instances] of unpack(bytes)) expect(again.add(key, instances)).toBe(true);
        expect(Buffer.compare(again.bytes, bytes)).toBe(0);
      }),
      { seed: 2 },
    );
  });
});
