/** A log that a test can read. */
import type { Log, LogFields, LogLevel } from '../../src/base/log.ts';

export interface RecordedLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

export function recordingLog(): { readonly log: Log; readonly lines: readonly RecordedLine[] } {
  const lines: RecordedLine[] = [];
  return { log: recorder(lines), lines };
}

function recorder(lines: RecordedLine[], always?: LogFields): Log {
  const at =
    (level: LogLevel) =>
    (message: string, fields?: LogFields): void =>
      void lines.push({ level, message, fields: always ? { ...always, ...fields } : fields });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => recorder(lines, { ...always, ...fields }),
  };
}
