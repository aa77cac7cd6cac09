/** A log that a test can read. */
import type { Log, LogFields, LogLevel, RecordFields, RecordName } from '../../src/base/log.ts';

export interface RecordedLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

export interface WrittenRecord {
  readonly name: RecordName;
  readonly fields: RecordFields;
}

export function recordingLog(): {
  readonly log: Log;
  readonly lines: readonly RecordedLine[];
  readonly records: readonly WrittenRecord[];
} {
  const lines: RecordedLine[] = [];
  const records: WrittenRecord[] = [];
  return { log: recorder(lines, records), lines, records };
}

function recorder(lines: RecordedLine[], records: WrittenRecord[], always?: LogFields): Log {
  const at =
    (level: LogLevel) =>
    (message: string, fields?: LogFields): void =>
      void lines.push({ level, message, fields: always ? { ...always, ...fields } : fields });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => recorder(lines, records, { ...always, ...fields }),
    record: (name, fields) => void records.push({ name, fields }),
  };
}
