/** What the dashboard of a fleet shows: rows of panels, and their queries. How a panel is drawn is in panel.ts. */
import { CLIENTS } from './client-rows.ts';
import type { RowFacts } from './panel.ts';
import { of, rate, series } from './queries.ts';
import { CLUSTER, RELAYS } from './relay-rows.ts';

const FIRST_EXPIRY = `min(${series('beacon_certificate_expiry_timestamp_seconds')}) - time()`;
const NOT_DISJOINT = `sum(${series('beacon_tunnels_by_redundancy', 'redundancy!="disjoint"')})`;

const GLANCE: RowFacts = {
  title: 'At a glance',
  panels: [
    {
      title: 'Relays that take work',
      text: 'Relays whose /readyz says yes. One that drains does not.',
      queries: [{ expr: `sum(${of('relay', 'beacon_ready')})` }],
      warnBelow: 2,
    },
    {
      title: 'Brokers without a tunnel',
      text: 'Their clients cannot reach the store.',
      queries: [{ expr: `count(${series('beacon_connected')}) - sum(${series('beacon_connected')})` }],
      warnFrom: 1,
    },
    {
      title: 'Tunnels that one loss would cut',
      text: 'Tunnels without two legs that share no host, as brokers say. The panel "Tunnels by redundancy" says why.',
      queries: [{ expr: `${NOT_DISJOINT} or 0 * sum(${series('beacon_connected')})` }],
      warnFrom: 1,
    },
    {
      title: 'Splice slots in use',
      text: 'Of all relays together. Above 53 % of three in three zones the loss of a zone can be felt: docs/operations.md, Sizing.',
      unit: 'percentunit',
      queries: [{ expr: `sum(${series('beacon_slots_used')}) / sum(${series('beacon_slots_max')})` }],
      warnFrom: 0.53,
    },
    {
      title: 'Clients that wait',
      text: 'Brokers and forwards that wait for a slot at a relay, and clients of brokers that wait for a tunnel.',
      queries: [{ expr: `sum(${series('beacon_slots_waiting')} or ${series('beacon_clients_waiting')})` }],
      warnFrom: 1,
    },
    {
      title: 'First certificate expires in',
      text: 'Of those in force, at any daemon.',
      unit: 's',
      queries: [{ expr: FIRST_EXPIRY }],
      warnBelow: 14 * 86_400,
    },
  ],
};

const PROCESSES: RowFacts = {
  title: 'Processes',
  panels: [
    {
      title: 'Certificate days',
      text: 'Until the first certificate of those in force expires, by process and file.',
      unit: 'd',
      queries: [
        {
          expr: `(${series('beacon_certificate_expiry_timestamp_seconds')} - time()) / 86400`,
          legend: '{{instance}} {{file}}',
        },
      ],
    },
    {
      title: 'Event-loop delay',
      text: 'The 99th percentile of the last 10 s, by process.',
      unit: 's',
      queries: [
        {
          expr: series('beacon_event_loop_delay_seconds', 'quantile="0.99"'),
          legend: '{{instance}}',
        },
      ],
    },
    {
      title: 'CPU',
      text: 'Cores in use, by process. One relay uses little more than one.',
      queries: [{ expr: rate('beacon_process_cpu_seconds_total'), legend: '{{instance}}' }],
    },
    {
      title: 'Memory',
      text: 'Resident, by process.',
      unit: 'bytes',
      queries: [{ expr: series('beacon_process_resident_memory_bytes'), legend: '{{instance}}' }],
    },
    {
      title: 'Descriptors in use',
      text: 'Of those that the process may open.',
      unit: 'percentunit',
      queries: [
        {
          expr: `${series('beacon_process_open_fds')} / ${series('beacon_process_max_fds')}`,
          legend: '{{instance}}',
        },
      ],
    },
    {
      title: 'Files kept out',
      text: '1 while a file holds something that is of no use: the old content stays in force.',
      max: 1,
      queries: [{ expr: series('beacon_file_failing'), legend: '{{instance}} {{file}}' }],
    },
    {
      title: 'Processes by version',
      text: 'Neighbouring releases work together.',
      queries: [
        {
          expr: `count by (daemon, version) (${series('beacon_build_info')})`,
          legend: '{{daemon}} {{version}}',
        },
      ],
    },
    {
      title: 'Starts in the last hour',
      text: 'By process. One that starts again and again is not well.',
      queries: [
        { expr: `changes(${series('beacon_process_start_time_seconds')}[1h])`, legend: '{{instance}}' },
      ],
    },
  ],
};

export const ROWS: readonly RowFacts[] = [GLANCE, RELAYS, CLUSTER, CLIENTS, PROCESSES];
