import { expect, it } from 'vitest';
import { rowsOfPairs, rowsOfRelays, summary } from '../../../src/cli/doctor-screen.ts';
import type { Examination, Failure } from '../../../src/doctor/types.ts';
import { madeUpTrial } from '../../support/doctor-scene.ts';

const failure: Failure = { step: 'park', end: 'bridge', code: 'notAllowed', text: 'the relay refused' };
const works = madeUpTrial('a', 'a', {
  steps: [
    { name: 'TCP', ms: 1.25, text: 'connected' },
    { name: 'certificate', text: '9 days left', isWarning: true },
    { name: 'pair', ms: 12_345.6, text: 'at a, both' },
  ],
});
const refused = madeUpTrial('bb', 'bb', { steps: [], failure });
const EXAMINATION: Examination = {
  alone: [works, refused],
  pairs: [
    madeUpTrial('a', 'c'),
    madeUpTrial('c', 'a', { ms: 10_002, steps: [], failure: { ...failure, step: 'pair', end: 'broker' } }),
    { broker: 'a', bridge: 'bb', because: 'bb' },
  ],
  findings: [
    { severity: 'failure', about: ['bb'], text: 'park: the relay refused', remedy: 'list it' },
    { severity: 'note', about: ['a', 'c'], text: 'one node', remedy: '' },
  ],
};

it('one row for each step of a relay, in columns', () => {
  expect(rowsOfRelays(EXAMINATION.alone).split('\n')).toEqual([
    'ok         a   TCP            1.3 ms  connected',
    'warning    a   certificate            9 days left',
    'ok         a   pair         12346 ms  at a, both',
    'FAILED     bb  park                   the relay refused',
    '',
  ]);
});

it('one row for each pair', () => {
  expect(rowsOfPairs(EXAMINATION).split('\n')).toEqual([
    'ok         a -> c   pair           3.0 ms  well',
    'FAILED     c -> a   pair         10002 ms  the broker: the relay refused',
    'not tried  a -> bb                         bb does not work alone',
    '',
  ]);
  expect(rowsOfPairs({ ...EXAMINATION, pairs: [] })).toBe('');
});

it('at the end how much works, and what to do about the rest', () => {
  expect(summary(EXAMINATION).split('\n')).toEqual([
    '',
    '1 of 2 relays work alone, 1 of 3 pairs work.',
    '',
    'FAILED: bb',
    '  park: the relay refused',
    '  What to do: list it.',
    '',
    'note: a, c',
    '  one node',
    '',
  ]);
  expect(summary({ alone: [works], pairs: [], findings: [] })).toBe('\n1 of 1 relays work alone.\n');
});
