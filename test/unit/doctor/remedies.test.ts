import { expect, it } from 'vitest';
import { REFUSAL_CODES } from '../../../src/base/errors.ts';
import { remedyFor } from '../../../src/doctor/remedies.ts';

it('there is a remedy for each word by which a relay refuses a bridge or a broker', () => {
  const without = REFUSAL_CODES.filter((code) => remedyFor({ code }, { isListed: false }) === '');
  // Only who asks to avoid a node hears that.
  expect(without).toEqual(['avoided']);
});

it('an allow list is remedied by whoever has the CA', () => {
  expect(remedyFor({ code: 'notAllowed' }, { isListed: false })).toContain('beacon certs init --out doctor');
  expect(remedyFor({ code: 'notAllowed' }, { isListed: true })).toContain('--allow-file of this relay');
});

it('a certificate for another name says for which', () => {
  expect(remedyFor({ code: 'untrusted', certifiedFor: 'DNS:x' }, { isListed: false })).toMatch(
    /^it is for DNS:x; .*--server-name/,
  );
  expect(remedyFor({ code: 'untrusted' }, { isListed: false })).toBe('');
});
