import { describe, expect, it } from 'vitest';
import { BeaconError, REFUSAL_CODES } from '../../../src/base/errors.ts';
import { REFUSED_TEXT_BYTES } from '../../../src/base/limits.ts';
import { REFUSALS, refusal, refusalCode, refusalError, refusedFor } from '../../../src/wire/refusal.ts';

describe('the refusal table', () => {
  it('numbers the codes from 1 on, and finds them by number', () => {
    expect(REFUSAL_CODES.map((code) => REFUSALS[code].number)).toEqual(
      REFUSAL_CODES.map((_, index) => index + 1),
    );
    for (const code of REFUSAL_CODES) expect(refusalCode(REFUSALS[code].number)).toBe(code);
  });

  it.each([0, 14, 255])('takes the unknown number %i for internal', (number) => {
    expect(refusalCode(number)).toBe('internal');
  });

  it('has a text for each that fits', () => {
    for (const { text } of Object.values(REFUSALS)) {
      expect(text).toMatch(/^[A-Z].*\.$/);
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(REFUSED_TEXT_BYTES);
    }
  });
});

describe('refusal', () => {
  it('fills in text and time', () => {
    expect(refusal('draining')).toEqual({
      type: 'refused',
      code: 'draining',
      retryAfterMs: 0,
      text: REFUSALS.draining.text,
    });
    expect(refusal('rateLimit', { text: 'slower', retryAfterMs: 9 })).toMatchObject({
      text: 'slower',
      retryAfterMs: 9,
    });
  });
});

describe('refusedFor', () => {
  it('tells of an error that has a wire code', () => {
    const error = new BeaconError('rateLimit', 'too fast', { retryAfterMs: 10.2 });
    expect(refusedFor(error)).toEqual({
      type: 'refused',
      code: 'rateLimit',
      retryAfterMs: 11,
      text: 'too fast',
    });
  });

  it('tells nothing of any other', () => {
    for (const error of [new BeaconError('unreachable', '10.0.0.1 is down'), new TypeError('boom'), 'boom']) {
      expect(refusedFor(error)).toEqual(refusal('internal'));
    }
  });
});

describe('refusalError', () => {
  it('says whether and when to try again', () => {
    const later = refusalError(refusal('rateLimit', { retryAfterMs: 500 }));
    expect(later).toMatchObject({ code: 'rateLimit', retry: true, retryAfterMs: 500 });
    expect(refusalError(refusal('avoided'))).toMatchObject({ retry: true, retryAfterMs: undefined });
    expect(refusalError(refusal('notAllowed'))).toMatchObject({ code: 'notAllowed', retry: false });
  });

  it('keeps the relay from writing on the terminal', () => {
    const { message } = refusalError(refusal('internal', { text: '\u001b[2Jgone\r\n\u202efine\u2028' }));
    expect(message).toBe('the relay refused (internal):  [2Jgone   fine ');
  });

  it('has a text even where the relay has none', () => {
    expect(refusalError(refusal('noBridge', { text: '' })).message).toContain(REFUSALS.noBridge.text);
  });
});
