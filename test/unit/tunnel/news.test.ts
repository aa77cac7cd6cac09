import { expect, it } from 'vitest';
import { News } from '../../../src/tunnel/news.ts';
import { recordingLog } from '../../support/recording-log.ts';

it('warns of the first failure of a kind, and again after something went well', () => {
  const { log, lines } = recordingLog();
  const news = new News(log);
  news.bad('no route', 'unreachable');
  news.bad('no route', 'unreachable');
  news.bad('refused', 'notAllowed');
  news.bad('no route', 'unreachable');
  news.good();
  news.bad('no route', 'unreachable');
  expect(lines.map(({ level, message }) => `${level}: ${message}`)).toEqual([
    'warn: no route',
    'debug: no route',
    'warn: refused',
    'warn: no route',
    'warn: no route',
  ]);
  expect(lines[2]?.fields).toEqual({ code: 'notAllowed' });
});
