/**
 * Logging by pino: one JSON object a line on stderr, or readable text for a terminal.
 *
 * At `info` and above no field may carry an address, an info_hash or a byte count; what a scanner can provoke is
 * `debug`. Messages are whole sentences that say what to do where there is something to do.
 */
import { type DestinationStream, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = 'json' | 'text';
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose every line carries `fields` as well. */
  child(fields: LogFields): Log;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Where lines go, one call a line. Default: stderr. */
  readonly write?: (line: string) => void;
}

export function createLog(options: LogOptions): Log {
  return wrap(
    pino(
      {
        level: options.level,
        base: null,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      destination(options),
    ),
  );
}

/** A log that keeps nothing. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
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

function wrap(logger: pino.Logger): Log {
  const at =
    (level: LogLevel) =>
    (message: string, fields?: LogFields): void =>
      fields ? logger[level](fields, message) : logger[level](message);
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => wrap(logger.child(fields)),
  };
}
