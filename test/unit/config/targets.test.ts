/** Targets by name: what a bridge serves and where a broker listens for it. */
import { describe, expect, it } from 'vitest';
import { LISTENS, TARGETS } from '../../../src/base/limits.ts';
import { isTargetName, parseListens, parseTargets, targetsOf } from '../../../src/config/targets.ts';

const listens = (text: string) => parseListens(text, { defaultPort: 8_199 });
const refusal = (text: RegExp) =>
  expect.objectContaining({ code: 'config', message: expect.stringMatching(text) });

describe('listeners', () => {
  it('lead to the store where they name no target', () => {
    expect(listens(':8199')).toEqual([{ host: '', port: 8_199, target: 'vault' }]);
    expect(listens('127.0.0.1=db, [::1]:5433=vault,127.0.0.1:0,127.0.0.1:0')).toEqual([
      { host: '127.0.0.1', port: 8_199, target: 'db' },
      { host: '::1', port: 5_433, target: 'vault' },
      { host: '127.0.0.1', port: 0, target: 'vault' },
      { host: '127.0.0.1', port: 0, target: 'vault' },
    ]);
  });

  it('may share a target, not an address', () => {
    expect(listens(':1=db,:2=db')).toHaveLength(2);
    expect(() => listens(':1=db,:1=vault')).toThrow(refusal(/:1 is in the list twice/));
  });

  it.each([
    ['', /empty/],
    [':1,', /empty/],
    [':1=', /"" is no name/],
    [':1=Db', /no name of a target/],
    [':1=a=b', /no name of a target/],
  ])('%j is refused', (text, expected) => {
    expect(() => listens(text)).toThrow(refusal(expected));
  });

  it(`are ${LISTENS} at the most`, () => {
    const many = (count: number): string => Array.from({ length: count }, (_, at) => `:${at + 1}`).join();
    expect(listens(many(LISTENS))).toHaveLength(LISTENS);
    expect(() => listens(many(LISTENS + 1))).toThrow(refusal(/17 are given; at most 16/));
  });
});

describe('targets', () => {
  it('have a name and a URL', () => {
    expect(parseTargets('vault=https://a, db=tcp://b:5432')).toEqual([
      { name: 'vault', address: { scheme: 'https', host: 'a', port: 443 } },
      { name: 'db', address: { scheme: 'tcp', host: 'b', port: 5_432 } },
    ]);
  });

  it.each([
    ['https://a', /"https:\/\/a" has no name/],
    ['db=tcp://a:1,db=tcp://b:1', /db is in the list twice/],
    ['DB=tcp://a:1', /no name of a target/],
    ['=tcp://a:1', /no name of a target/],
    ['db=', /not a URL/],
    ['db=udp://a:1', /not a URL/],
  ])('%j is refused', (text, expected) => {
    expect(() => parseTargets(text)).toThrow(refusal(expected));
  });

  it('do not show what may be a password', () => {
    for (const text of ['https://me:hunter2@a', 'db=https://me:hunter2@a'])
      expect(() => parseTargets(text)).toThrow(
        expect.objectContaining({ code: 'config', message: expect.not.stringContaining('hunter2') }),
      );
  });

  it(`are ${TARGETS} at the most, the store included`, () => {
    const many = (count: number): string =>
      Array.from({ length: count }, (_, at) => `t${at}=tcp://a:1`).join();
    expect(parseTargets(many(TARGETS))).toHaveLength(TARGETS);
    expect(() => parseTargets(many(TARGETS + 1))).toThrow(refusal(/at most 16/));
    const vaultAddr = { scheme: 'http', host: 'a', port: 1 } as const;
    expect(targetsOf({ vaultAddr, target: parseTargets(many(TARGETS - 1)) })).toHaveLength(TARGETS);
    expect(() => targetsOf({ vaultAddr, target: parseTargets(many(TARGETS)) })).toThrow(
      refusal(/at most 16/),
    );
  });

  it('include the one of --vault-addr, called vault', () => {
    const vaultAddr = { scheme: 'http', host: 'a', port: 1 } as const;
    const target = parseTargets('db=tcp://b:1');
    expect(targetsOf({ vaultAddr, target })).toEqual([{ name: 'vault', address: vaultAddr }, ...target]);
    expect(targetsOf({ vaultAddr: undefined, target })).toEqual(target);
    expect(() => targetsOf({ vaultAddr, target: parseTargets('vault=tcp://b:1') })).toThrow(
      refusal(/short for/),
    );
    expect(() => targetsOf({ vaultAddr: undefined, target: undefined })).toThrow(
      refusal(/needs --vault-addr/),
    );
  });
});

it.each([
  ['db', true],
  ['a', true],
  ['9-a', true],
  ['a'.repeat(63), true],
  ['a'.repeat(64), false],
  ['', false],
  ['-a', false],
  ['a-', false],
  ['a.b', false],
  ['A', false],
  ['db ', false],
  ['db:5432', false],
])('%j as a name: %s', (text, expected) => {
  expect(isTargetName(text)).toBe(expected);
});
