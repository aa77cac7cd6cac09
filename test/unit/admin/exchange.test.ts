import { describe, expect, it } from 'vitest';
import { answerBy, json, line, type Request } from '../../../src/admin/exchange.ts';

const ask = (method: string, path: string): Request => ({
  method,
  path,
  host: 'localhost',
  origin: undefined,
  fetchSite: undefined,
  peer: '127.0.0.1',
});
const answer = answerBy({
  '/read': { GET: () => line(200, 'read') },
  '/do': { POST: () => line(202, 'done') },
});

describe('answerBy', () => {
  it('answers by path and method, HEAD as GET', async () => {
    expect(await answer(ask('GET', '/read'))).toMatchObject({ status: 200, body: 'read\n' });
    expect(await answer(ask('HEAD', '/read'))).toMatchObject({ status: 200 });
    expect(await answer(ask('POST', '/do'))).toMatchObject({ status: 202 });
  });

  it.each([
    ['POST', '/read', 'GET, HEAD'],
    ['GET', '/do', 'POST'],
    ['HEAD', '/do', 'POST'],
    ['DELETE', '/do', 'POST'],
    ['constructor', '/read', 'GET, HEAD'],
  ])('refuses %s %s with 405, and says what it takes', async (method, path, allow) => {
    expect(await answer(ask(method, path))).toMatchObject({ status: 405, headers: { allow } });
  });

  it.each(['/', '/read/', '/READ', '/constructor', '__proto__', ''])('knows no %s', async (path) => {
    expect(await answer(ask('GET', path))).toMatchObject({ status: 404 });
  });
});

it('json is readable, and says what it is', () => {
  expect(json(200, { a: 1 })).toEqual({
    status: 200,
    type: 'application/json; charset=utf-8',
    body: '{\n  "a": 1\n}\n',
  });
});
