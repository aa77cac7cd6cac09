/** The part of the table of settings that is about logs. docs/logs.md says what comes of them. */
import { LOG_LEVELS } from '../base/log.ts';
import type { Setting } from './setting.ts';

/** What a record of a splice can name beyond what it always does. */
export const CONNECTION_LOG_FIELDS = ['peer', 'info_hash'] as const;
export type ConnectionLogField = (typeof CONNECTION_LOG_FIELDS)[number];

const LOG = 'Log:';
const ALL = { relay: {}, bridge: {}, broker: {} } as const;

export const LOG_SETTINGS = {
  logLevel: {
    type: { kind: 'enum', values: LOG_LEVELS },
    value: 'level',
    group: LOG,
    text: `One of ${LOG_LEVELS.join(', ')}. No level shows an address or an info_hash; debug shows their networks and first digits.`,
    default: 'info',
    commands: ALL,
  },
  logFormat: {
    type: { kind: 'enum', values: ['json', 'text'] },
    value: 'format',
    group: LOG,
    text: 'json: one object a line; text: for people.',
    default: {
      from: (machine) => (machine.stderrIsTty ? 'text' : 'json'),
      text: 'text on a terminal, else json',
    },
    commands: ALL,
  },
  connectionLog: {
    type: { kind: 'boolean' },
    group: LOG,
    text: 'Write a record of each splice that ends: when it began, how long it took, how many bytes went each way. It names neither client.',
    commands: { relay: {} },
  },
  connectionLogFields: {
    type: { kind: 'list', values: CONNECTION_LOG_FIELDS },
    value: 'field,...',
    group: LOG,
    text: 'What these records name as well: peer (the addresses of broker and bridge), info_hash.',
    commands: { relay: {} },
  },
  blur: {
    type: { kind: 'boolean' },
    group: LOG,
    text: 'Round these records: times down to the hour, durations and bytes up to the next power of two, from one minute and 1 MiB.',
    commands: { relay: {} },
  },
  streamLog: {
    type: { kind: 'boolean' },
    group: LOG,
    text: "Write a record of each stream that ends or is refused: fingerprint of the broker's certificate, target, when, how long, bytes each way.",
    commands: { bridge: {} },
  },
} as const satisfies Readonly<Record<string, Setting>>;
