import { expect, it } from 'vitest';
import { Turns } from '../../../../src/net/door/turns.ts';

function drain(turns: Turns<string>): string[] {
  const all: string[] = [];
  for (let one = turns.next(); one !== undefined; one = turns.next()) all.push(one);
  return all;
}

it('sources take turns, first come first served within each', () => {
  const turns = new Turns<string>();
  for (const one of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) turns.add(one.slice(0, 1), one);
  expect(turns.size).toBe(6);
  expect(turns.of('a')).toEqual(['a1', 'a2', 'a3']);
  expect(turns.of('z')).toEqual([]);
  expect(drain(turns)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  expect(turns.size).toBe(0);
});

it('a source that comes while another has a long line is next but one', () => {
  const turns = new Turns<string>();
  for (let at = 1; at <= 100; at += 1) turns.add('a', `a${at}`);
  turns.next();
  turns.add('b', 'b1');
  expect([turns.next(), turns.next()]).toEqual(['a2', 'b1']);
});

it('one leaves, a source leaves, and nothing of them is left', () => {
  const turns = new Turns<string>();
  const a1 = turns.add('a', 'a1');
  turns.add('b', 'b1');
  turns.remove(turns.add('b', 'b2'));
  turns.remove(a1);
  turns.add('a', 'a2');
  expect(drain(turns)).toEqual(['b1', 'a2']);
  expect(turns.next()).toBeUndefined();
});
