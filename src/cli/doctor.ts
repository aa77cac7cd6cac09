/** `beacon doctor` */
import { Command, Option } from 'commander';
import { systemClock } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import { systemRandom } from '../base/random.ts';
import { DOCTOR_SETTINGS, doctorSettings } from '../config/doctor-settings.ts';
import type { Flags } from '../config/resolve.ts';
import type { DoctorDeps } from '../doctor/prepare.ts';
import type { Trial } from '../doctor/types.ts';
import type { Authority } from '../pki/issue.ts';
import { readAuthorityFiles } from './cert-files.ts';
import { PAIRS_HEADING, rowsOfPairs, rowsOfRelays, summary } from './doctor-screen.ts';
import { addExamples, addSettings } from './help.ts';
import type { Host } from './host.ts';

interface DoctorFlags {
  readonly caCert?: string;
  readonly caKey?: string;
  readonly serverName?: string;
  readonly expectRefused?: true;
  readonly json?: true;
}

const DESCRIPTION =
  'Examine relays from here, as a bridge and a broker would use them: look-up, TCP, TLS, certificate; then a bridge is parked at each and a broker comes to it at each other one, and what both send must arrive. ' +
  'Their CA is made for this run and never written down; no bridge or broker in use is touched. Takes 65 s at the most for three relays, and a few seconds as a rule. ' +
  '0: all works. 1: something does not, and the last lines say what to do. 2: the command line is wrong.';

/** Examines relays and prints what it finds. Exit code 1 where something does not work. */
export function doctorCommand(
  host: Host,
  deps: DoctorDeps = { clock: systemClock, random: systemRandom },
): Command {
  const command = new Command('doctor')
    .summary('Find out which relays work from here, and which of them work together.')
    .description(DESCRIPTION)
    .usage('[options]')
    .allowExcessArguments(false);
  addSettings(command, DOCTOR_SETTINGS);
  for (const [flags, text] of OPTIONS) command.addOption(new Option(flags, text).helpGroup('Examination:'));
  addExamples(command, [
    {
      text: 'Three relays, each by an address of its own:',
      lines: [
        'beacon doctor --beacon-ca relay-ca.crt',
        '--beacon-address relay-a.example.org,relay-b.example.org,relay-c.example.org',
      ],
    },
    {
      text: 'Where a bridge or a broker has its settings in BEACON_* variables, in its container:',
      lines: ['beacon doctor'],
    },
    {
      text: 'Relays with an allow file, by a CA that was made for this and is listed there:',
      lines: [
        'beacon doctor --beacon-address relay.example.org',
        '--ca-cert doctor/bridge-ca.crt --ca-key doctor/bridge-ca.key',
      ],
    },
  ]);
  return command.action(async () => {
    await run(command.opts<Flags & DoctorFlags>(), host, deps);
  });
}

const OPTIONS = [
  [
    '--ca-cert <file>',
    'CA certificate (PEM) to issue the two ends from, for relays with an allow file that lists it. Make one for this alone: brokers of a CA in use could be paired with the bridge of this command.',
  ],
  ['--ca-key <file>', 'Private key (PEM) of --ca-cert.'],
  [
    '--server-name <host>',
    'What the certificate of every relay must be for, where relays are dialled by other names than clients use.',
  ],
  [
    '--expect-refused',
    'Every relay is to refuse a CA that its allow file does not list. That is all that is tried: no pairs.',
  ],
  ['--json', 'Print JSON, for programs.'],
] as const;

async function run(flags: Flags & DoctorFlags, host: Host, deps: DoctorDeps): Promise<void> {
  const { serverName, expectRefused = false, json = false } = flags;
  const settings = doctorSettings(flags, host.env, host.machine);
  const authority = await authorityOf(flags);
  // Only now: all of a bridge and of a broker comes with it, and other commands are to answer at once.
  const [{ prepare }, { examine }] = await Promise.all([
    import('../doctor/prepare.ts'),
    import('../doctor/examination.ts'),
  ]);
  const options = await prepare({ settings, authority, serverName }, deps);
  const onAlone = (trials: readonly Trial[]): void => {
    if (json) return;
    host.out(rowsOfRelays(trials));
    if (trials.length > 1 && !expectRefused) host.out(PAIRS_HEADING);
  };
  const examination = await examine({ ...options, expectRefused, onAlone });
  const failures = examination.findings.filter(({ severity }) => severity === 'failure').length;
  host.out(
    json
      ? `${JSON.stringify({ ok: failures === 0, ...examination }, null, 2)}\n`
      : rowsOfPairs(examination) + summary(examination),
  );
  if (failures > 0)
    throw new BeaconError(
      'closed',
      failures === 1 ? 'one thing does not work' : `${failures} things do not work`,
    );
}

/** The CA that was given, if one was. */
async function authorityOf({
  caCert: cert,
  caKey: key,
  expectRefused,
}: DoctorFlags): Promise<Authority | undefined> {
  if (cert === undefined && key === undefined) return undefined;
  if (expectRefused) throw wrong('--expect-refused is for a CA that nobody lists: leave --ca-cert out');
  if (cert === undefined || key === undefined)
    throw wrong('--ca-cert and --ca-key belong together: give both');
  return readAuthorityFiles({ cert, key }, { cert: '--ca-cert', key: '--ca-key' });
}

function wrong(message: string): BeaconError {
  return new BeaconError('config', message);
}
