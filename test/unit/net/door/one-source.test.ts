import { describe, expect, it } from 'vitest';
import { ONE_SOURCE_CONNECTIONS, ONE_SOURCE_WINDOW_MS } from '../../../../src/base/limits.ts';
import { ONE_SOURCE_WARNING, OneSource } from '../../../../src/net/door/one-source.ts';

const START = 5_000;

/** Connections from `addresses` within the window, and one from `last` at `lateMs` after its beginning. */
function verdicts(
  addresses: readonly string[],
  lateMs = ONE_SOURCE_WINDOW_MS,
  last = '192.0.2.1',
): boolean[] {
  const source = new OneSource();
  return [
    ...addresses.map((address, at) => source.sees(address, START + at)),
    source.sees(last, START + lateMs),
    source.sees(last, START + 2 * lateMs),
  ];
}

const times = (count: number, address: string) => Array<string>(count).fill(address);
const warned = (list: readonly boolean[]) => list.filter(Boolean).length;

describe('OneSource', () => {
  it.each(['10.0.0.9', '172.16.3.4', '192.168.1.1', '100.64.0.1', 'fd00::1'])(
    'warns once, after the window, when all came from %s',
    (address) => {
      const list = verdicts(times(ONE_SOURCE_CONNECTIONS, address));
      expect(list.indexOf(true)).toBe(ONE_SOURCE_CONNECTIONS);
      expect(warned(list)).toBe(1);
    },
  );

  it.each(['203.0.113.1', '172.32.0.1', '100.128.0.1', '127.0.0.1', '::1', '2001:db8::1', 'x'])(
    'does not warn of %s',
    (address) => {
      expect(warned(verdicts(times(50, address)))).toBe(0);
    },
  );

  it('does not warn of fewer connections than the limit', () => {
    expect(warned(verdicts(times(ONE_SOURCE_CONNECTIONS - 1, '10.0.0.9')))).toBe(0);
  });

  it('does not warn when a single one came from elsewhere', () => {
    const others = [...times(20, '10.0.0.9'), '10.0.0.8', ...times(20, '10.0.0.9')];
    expect(warned(verdicts(others))).toBe(0);
    expect(warned(verdicts(['203.0.113.1', ...times(20, '10.0.0.9')]))).toBe(0);
  });

  it('looks at the window only: the last millisecond belongs to it, the next does not', () => {
    const ten = times(ONE_SOURCE_CONNECTIONS, '10.0.0.9');
    expect(warned(verdicts(ten, ONE_SOURCE_WINDOW_MS - 1))).toBe(0);
    expect(warned(verdicts(ten, ONE_SOURCE_WINDOW_MS))).toBe(1);
    expect(warned(verdicts(ten, ONE_SOURCE_WINDOW_MS, '10.0.0.9'))).toBe(1);
  });

  it('says what to do and names no address', () => {
    expect(ONE_SOURCE_WARNING).toContain('--proxy-protocol-from');
    expect(ONE_SOURCE_WARNING).not.toMatch(/\d/);
  });
});
