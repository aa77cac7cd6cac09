/**
 * Logging by pino: one JSON object a line on stderr, or readable text for a terminal.
 *
 * Every text and field is masked here, so that nobody who logs has to think of it: no address, host name or info_hash at
 * `info` and above, and only their networks at `debug`. What a scanner can provoke is `debug`. Messages are sentences that
 * say what to do where there is something to do. docs/logs.md lists the fields.
 */
import { type DestinationStream, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { mask } from './mask.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = 'json' | 'text';
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** What an operator can have written down, by a flag, and the message that goes with it. */
const RECORDS = { splice: 'a splice ended', stream: 'a stream ended' } as const;
export type RecordName = keyof typeof RECORDS;

type Scalar = string | number | boolean | undefined;

/** `time` takes the place of that of the line: when it happened, ISO 8601. */
export type RecordFields = { readonly time: string } & Readonly<
  Record<string, Scalar | Readonly<Record<string, Scalar>>>
>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose every line carries `fields` as well. */
  child(fields: LogFields): Log;
  /**
   * Writes a record, whatever the level is, with its fields as they are: only what a flag asks for, by name, may be in it.
   * It has the field `record`, by which a collector tells it from all other lines.
   */
  record(name: RecordName, fields: RecordFields): void;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Where lines go, one call a line. Default: stderr. */
  readonly write?: (line: string) => void;
}

export function createLog(options: LogOptions): Log {
  const out = destination(options);
  const always = { base: null, formatters: { level: (label: string) => ({ level: label }) } };
  const timestamp = pino.stdTimeFunctions.isoTime;
  return wrap({
    lines: pino({ ...always, level: options.level, timestamp }, out),
    records: pino({ ...always, level: 'info', timestamp: false }, out),
  });
}

/** A log that keeps nothing. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
  record: () => {},
};

function destination({ format, write }: LogOptions): DestinationStream {
  const sink = write ? { write } : pino.destination({ dest: 2, sync: true });
  if (format === 'json') return sink;
  const pretty = prettyFactory({
    colorize: write === undefined && process.stderr.isTTY,
    translateTime: 'SYS:HH:MM:ss.l',
  });
  return { write: (line) => sink.write(pretty(line)) };
}

interface Loggers {
  readonly lines: pino.Logger;
  readonly records: pino.Logger;
}

function wrap({ lines, records }: Loggers): Log {
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (lines.isLevelEnabled(level)) lines[level](masked(fields, level), maskedAt(level, message));
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => {
      const always = masked(fields, 'info');
      return wrap({ lines: lines.child(always), records: records.child(always) });
    },
    record: (name, { time, ...fields }) => records.info({ time, record: name, ...fields }, RECORDS[name]),
  };
}

function masked(fields: LogFields, level: LogLevel): LogFields {
  const entries = Object.entries(fields);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === 'string' ? maskedAt(level, value) : value]),
  );
}

function maskedAt(level: LogLevel, text: string): string {
  return mask(text, level === 'debug' ? 'network' : 'hide');
}
