import { describe, expect, it } from 'vitest';
import { asBeaconError, BeaconError, messageOf, systemCode } from '../../../src/base/errors.ts';

describe('BeaconError', () => {
  it('has a code, a text, and by default neither a cause nor a reason to try again', () => {
    const error = new BeaconError('config', 'the port is in use');
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'BeaconError', code: 'config', message: 'the port is in use' });
    expect([error.retry, error.retryAfterMs, 'cause' in error]).toEqual([false, undefined, false]);
  });

  it('keeps what it is given', () => {
    const cause = new RangeError('deep below');
    const error = new BeaconError('rateLimit', 'too many', { cause, retry: true, retryAfterMs: 250 });
    expect([error.cause, error.retry, error.retryAfterMs]).toEqual([cause, true, 250]);
  });
});

describe('systemCode', () => {
  it.each([
    [Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    [new BeaconError('closed', 'x'), 'closed'],
    [new Error('x'), undefined],
    [{ code: 7 }, undefined],
    ['ECONNREFUSED', undefined],
    [null, undefined],
    [undefined, undefined],
  ])('of %s is %s', (error, code) => {
    expect(systemCode(error)).toBe(code);
  });
});

describe('messageOf', () => {
  it.each([
    [new Error('went wrong'), 'went wrong'],
    ['a text', 'a text'],
    [undefined, 'undefined'],
    [null, 'null'],
  ])('of %s is %s', (error, text) => {
    expect(messageOf(error)).toBe(text);
  });
});

describe('asBeaconError', () => {
  it('leaves one as it is, and makes anything else a fault of ours with its cause', () => {
    const known = new BeaconError('closed', 'cut');
    const fault = new RangeError('deep below');
    expect(asBeaconError(known)).toBe(known);
    expect(asBeaconError(fault)).toMatchObject({
      code: 'internal',
      message: 'deep below',
      cause: fault,
      retry: false,
    });
    expect(asBeaconError('text')).toMatchObject({ code: 'internal', message: 'text', cause: 'text' });
  });
});
