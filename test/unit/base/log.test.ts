import { describe, expect, it } from 'vitest';
import { createLog, LOG_LEVELS, type LogFormat, type LogLevel, silentLog } from '../../../src/base/log.ts';

function collect(level: LogLevel, format: LogFormat = 'json') {
  const lines: string[] = [];
  return { log: createLog({ level, format, write: (line) => void lines.push(line) }), lines };
}

describe('createLog', () => {
  it('writes one JSON object a line: level, time, fields, text', () => {
    const { log, lines } = collect('info');
    log.info('the relay is up', { port: 443, node: 'relay-0', missing: undefined });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^\{.*\}\n$/);
    const { time, ...rest } = JSON.parse(lines[0] ?? '');
    expect(rest).toEqual({ level: 'info', port: 443, node: 'relay-0', msg: 'the relay is up' });
    expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(5_000);
  });

  it.each(LOG_LEVELS.map((level, index) => ({ level, written: LOG_LEVELS.slice(index) })))(
    'at $level writes $written',
    ({ level, written }) => {
      const { log, lines } = collect(level);
      for (const each of LOG_LEVELS) log[each]('x');
      expect(lines.map((line) => JSON.parse(line).level)).toEqual(written);
    },
  );

  it('keeps a text with line feeds on one line', () => {
    const { log, lines } = collect('info');
    log.warn('two\nlines', { field: 'and\nmore' });
    expect(lines.join('').match(/\n/g)).toHaveLength(1);
  });

  it('adds the fields of a child to every line of it', () => {
    const { log, lines } = collect('info');
    log.child({ leg: 1 }).child({ stream: 2 }).error('x', { more: 3 });
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ leg: 1, stream: 2, more: 3 });
  });

  it('writes text for people, without colours where it is no terminal', () => {
    const { log, lines } = collect('info', 'text');
    log.info('the relay is up', { port: 443 });
    const text = lines.join('');
    expect(text).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: the relay is up\n {4}port: 443\n$/);
  });
});

describe('silentLog', () => {
  it('is a log that can be used like any other', () => {
    for (const level of LOG_LEVELS) expect(silentLog.child({ a: 1 })[level]('x', { b: 2 })).toBeUndefined();
  });
});
