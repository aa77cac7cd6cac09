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

describe('what a line may say', () => {
  const SAID = 'connect ECONNREFUSED 192.0.2.77:443';

  it.each([
    ['debug', '192.0.2.0/24'],
    ['info', '[address]'],
    ['warn', '[address]'],
    ['error', '[address]'],
  ] as const)('at %s is masked, text and fields alike', (level, left) => {
    for (const format of ['json', 'text'] as const) {
      const { log, lines } = collect('debug', format);
      log[level](SAID, { detail: SAID, port: 443 });
      const text = lines.join('');
      expect(text.split(`ECONNREFUSED ${left}`)).toHaveLength(3);
      expect(text).not.toContain('192.0.2.77');
      expect(text).toMatch(/port"?: ?443/);
    }
  });

  it('is hidden wholly in the fields of a child, as they stand in lines of every level', () => {
    const { log, lines } = collect('debug');
    log.child({ detail: SAID }).debug('x');
    expect(lines.join('')).toContain('ECONNREFUSED [address]');
  });
});

describe('a record', () => {
  it('is written at every level, with its own time and its fields as they are', () => {
    for (const level of LOG_LEVELS) {
      const { log, lines } = collect(level);
      log.record('splice', { time: '2026-11-20T12:00:00Z', node: 'a', peer: { broker: '192.0.2.77' } });
      expect(lines.map((line) => JSON.parse(line))).toEqual([
        {
          level: 'info',
          time: '2026-11-20T12:00:00Z',
          record: 'splice',
          node: 'a',
          peer: { broker: '192.0.2.77' },
          msg: 'a splice ended',
        },
      ]);
      expect(lines[0]?.match(/"time"/g)).toHaveLength(1);
    }
  });

  it('is readable as text', () => {
    const { log, lines } = collect('error', 'text');
    log.record('stream', { time: '2026-11-20T12:00:00Z', target: 'vault' });
    expect(lines.join('')).toMatch(
      /^\[\d\d:\d\d:00\.000\] INFO: a stream ended\n {4}record: "stream"\n {4}target: "vault"/,
    );
  });
});

describe('silentLog', () => {
  it('is a log that can be used like any other', () => {
    for (const level of LOG_LEVELS) expect(silentLog.child({ a: 1 })[level]('x', { b: 2 })).toBeUndefined();
  });
});
