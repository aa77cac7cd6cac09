/** `beacon certs`: makes the certificates of bridge, broker and relay, so that nobody needs openssl for a first try. */
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { Argument, Command, InvalidArgumentError } from 'commander';
import { type Clock, systemClock } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import { type Random, systemRandom } from '../base/random.ts';
import { readAlternativeNames } from '../pki/certificate.ts';
import { infoHashOfCertificate } from '../pki/info-hash.ts';
import {
  AUTHORITY_DAYS,
  type Authority,
  createAuthority,
  type Host,
  type Issued,
  issueLeaf,
  type LeafRole,
  parseHost,
} from '../pki/issue.ts';
import { ROLE_RULES } from '../pki/proof.ts';
import {
  type PairToWrite,
  pairFiles,
  readAuthority,
  readLeaf,
  replacePairs,
  writeNewPairs,
} from './cert-files.ts';
import { addExamples } from './help.ts';

export interface CertsDeps {
  /** Prints one line, given without its line feed. Default: stdout. */
  readonly write: (line: string) => void;
  readonly clock: Clock;
  readonly random: Random;
}

const BRIDGE_CA = 'bridge-ca';
const RELAY_CA = 'relay-ca';
const ROLES = ['bridge', 'broker', 'relay'] as const;
const HELP = ['-h, --help', 'Show this text.'] as const;
const DAYS = ['--days <n>', 'Days until the new certificate expires (default: 365).', parseDays] as const;

/** The command and those below it. They throw `config` for whatever a person must correct. */
export function certsCommand(given: Partial<CertsDeps> = {}): Command {
  const deps: CertsDeps = {
    write: (line) => process.stdout.write(`${line}\n`),
    clock: systemClock,
    random: systemRandom,
    ...given,
  };
  const command = new Command('certs')
    .summary('Make the certificates of bridge, broker and relay.')
    .description(
      'Make the certificates of bridge, broker and relay. Keys are readable by this user only, nothing that exists is ' +
        'overwritten unless asked, and no name in a certificate tells whose it is.',
    )
    .helpOption(...HELP)
    .helpCommand(false)
    .addCommand(initCommand(deps))
    .addCommand(issueCommand(deps))
    .addCommand(renewCommand(deps))
    .addCommand(relayCertsCommand(deps));
  addExamples(command, [
    { text: 'All that a bridge and a broker need:', lines: ['beacon certs init --out certs'] },
    { text: 'And a relay:', lines: ['beacon certs relay --host relay.example.org --out certs'] },
  ]);
  return command;
}

function initCommand(deps: CertsDeps): Command {
  return new Command('init')
    .summary('Make a bridge CA, one bridge and one broker.')
    .description('Make a bridge CA, and below it the certificates of one bridge and one broker.')
    .requiredOption('--out <dir>', 'Directory for the files; made where it does not exist.')
    .helpOption(...HELP)
    .action(async ({ out }: { out: string }) => {
      const made = { nowMs: deps.clock.wall(), random: deps.random };
      const authority = createAuthority({ role: 'bridgeAuthority', ...made, days: AUTHORITY_DAYS });
      const pairs = [
        { files: pairFiles(out, BRIDGE_CA), issued: authority },
        { files: pairFiles(out, 'bridge'), issued: issueLeaf(authority, { role: 'bridge', ...made }) },
        { files: pairFiles(out, 'broker'), issued: issueLeaf(authority, { role: 'broker', ...made }) },
      ];
      await writeNewPairs(pairs);
      printPairs(pairs, deps);
      printInfoHash(authority, deps);
      deps.write(
        `Keep ${pairFiles(out, BRIDGE_CA).key} away from both machines: whoever has it can be the bridge.`,
      );
      deps.write(`next: beacon certs relay --host relay.example.org --out ${word(out)}`);
    });
}

interface IssueOptions {
  readonly ca: string;
  readonly out?: string;
  readonly name?: string;
  readonly days?: number;
}

function issueCommand(deps: CertsDeps): Command {
  return new Command('issue')
    .summary('Issue one more certificate of a bridge or a broker.')
    .description(
      'Issue one more certificate of a bridge or a broker under a CA that `beacon certs init` made.',
    )
    .addArgument(new Argument('<role>', 'What it is for.').choices(['bridge', 'broker']))
    .requiredOption('--ca <dir>', `Directory of ${BRIDGE_CA}.crt and ${BRIDGE_CA}.key.`)
    .option('--out <dir>', 'Directory for the files (default: that of --ca).')
    .option('--name <label>', 'Name of the files, before .crt and .key (default: the role).', parseLabel)
    .option(...DAYS)
    .helpOption(...HELP)
    .action(async (role: 'bridge' | 'broker', options: IssueOptions) => {
      const authority = await readAuthority(options.ca, BRIDGE_CA, '--ca');
      const issued = issue(authority, role, options, deps);
      const files = pairFiles(options.out ?? options.ca, options.name ?? role);
      await writeNewPairs([{ files, issued }]);
      printPairs([{ files, issued }], deps);
      printInfoHash(authority, deps);
      const what = role === 'bridge' ? ' --vault-addr https://127.0.0.1:8200' : '';
      const tls = `--tls-cert ${word(files.cert)} --tls-key ${word(files.key)}`;
      const ca = `--tls-ca ${word(pairFiles(options.ca, BRIDGE_CA).cert)}`;
      deps.write(`next: beacon ${role}${what} --beacon-address relay.example.org ${tls} ${ca}`);
    });
}

interface RelayOptions {
  readonly host: readonly Host[];
  readonly out: string;
  readonly ca?: string;
  readonly name?: string;
  readonly days?: number;
}

function relayCertsCommand(deps: CertsDeps): Command {
  return new Command('relay')
    .summary('Make the certificate of a relay, under a CA of its own.')
    .description(
      'Make the certificate of a relay, under a CA of its own: bridge and broker refuse a relay below the bridge CA, as ' +
        'it could pose as the bridge. A relay with a certificate of a public CA needs none of this.',
    )
    .requiredOption(
      '--host <name>',
      'Name or address at which the relay is dialled; may be repeated.',
      collectHosts,
    )
    .requiredOption('--out <dir>', 'Directory for the files; made where it does not exist.')
    .option('--ca <dir>', `Directory of a ${RELAY_CA}.crt and ${RELAY_CA}.key to use, instead of a new CA.`)
    .option('--name <label>', 'Name of the files, before .crt and .key (default: relay).', parseLabel)
    .option(...DAYS)
    .helpOption(...HELP)
    .action(async (options: RelayOptions) => {
      const { ca, host: hosts, out } = options;
      const authority =
        ca === undefined ? newRelayAuthority(deps) : await readAuthority(ca, RELAY_CA, '--ca');
      const pair = {
        files: pairFiles(out, options.name ?? 'relay'),
        issued: issue(authority, 'relay', options, deps, hosts),
      };
      const caFiles = pairFiles(ca ?? out, RELAY_CA);
      const pairs = ca === undefined ? [{ files: caFiles, issued: authority }, pair] : [pair];
      await writeNewPairs(pairs);
      printPairs(pairs, deps);
      deps.write(`Bridge and broker trust this relay with --beacon-ca ${word(caFiles.cert)}`);
      const tls = `--tls-cert ${word(pair.files.cert)} --tls-key ${word(pair.files.key)}`;
      deps.write(`next: beacon relay --addr :443 ${tls}`);
    });
}

interface RenewOptions {
  readonly dir: string;
  readonly ca?: string;
  readonly out?: string;
  readonly replace?: boolean;
  readonly days?: number;
}

function renewCommand(deps: CertsDeps): Command {
  return new Command('renew')
    .summary('Issue certificates anew, with new keys, before they expire.')
    .description(
      'Issue certificates anew under the CA that they have: for the same role and hosts, with a new key and new dates. ' +
        'The info_hash stays as it is. The old ones stay valid until they expire.',
    )
    .argument(
      '[names...]',
      'Names of the pairs, before .crt (default: those of bridge, broker and relay that exist).',
    )
    .requiredOption('--dir <dir>', 'Directory of the certificates to renew.')
    .option('--ca <dir>', 'Directory of the CA files (default: that of --dir).')
    .option('--out <dir>', 'Directory for the new files.')
    .option('--replace', 'Put the new files in the place of the old ones; needs no --out.')
    .option(...DAYS)
    .helpOption(...HELP)
    .action(async (names: string[], options: RenewOptions) => {
      const { dir, out, replace = false } = options;
      if (replace === (out !== undefined)) {
        throw new BeaconError(
          'config',
          'certs renew needs --out DIR for the new files, or --replace, and not both',
        );
      }
      const renewed: Renewed[] = [];
      for (const name of names.length > 0 ? names : pairsIn(dir))
        renewed.push(await renew(name, options, deps));
      if (replace) await replacePairs(renewed, deps.random);
      else await writeNewPairs(renewed);
      printPairs(renewed, deps);
      for (const { files, oldNotAfterMs } of renewed) {
        deps.write(`The certificate that ${word(files.cert)} follows is valid until ${day(oldNotAfterMs)}.`);
      }
      deps.write('next: give the new files to the machines that use them, and restart the daemons there');
    });
}

interface Renewed extends PairToWrite {
  readonly oldNotAfterMs: number;
}

async function renew(name: string, options: RenewOptions, deps: CertsDeps): Promise<Renewed> {
  const { dir, ca = dir, out = dir } = options;
  const old = new X509Certificate(await readLeaf(pairFiles(dir, parseLabel(name)).cert, '--dir'));
  const { role, hosts } = purposeOf(old.raw);
  const authority = await readAuthority(ca, role === 'relay' ? RELAY_CA : BRIDGE_CA, '--ca');
  if (!old.verify(new X509Certificate(authority.der).publicKey)) {
    const text = `${pairFiles(dir, name).cert} was not issued by the ${role === 'relay' ? RELAY_CA : BRIDGE_CA} of ${ca}`;
    throw new BeaconError('config', `${text}; name its directory with --ca`);
  }
  const issued = issue(authority, role, options, deps, hosts);
  return { files: pairFiles(out, name), issued, oldNotAfterMs: old.validToDate.getTime() };
}

/** What a certificate of ours is for, from its names. */
function purposeOf(der: Buffer): { role: LeafRole; hosts: Host[] } {
  const { dns, ip } = readAlternativeNames(der);
  if (dns.includes(ROLE_RULES.park.dnsName)) return { role: 'bridge', hosts: [] };
  if (dns.includes(ROLE_RULES.connect.dnsName)) return { role: 'broker', hosts: [] };
  return { role: 'relay', hosts: [...dns, ...ip].map(parseHost) };
}

function pairsIn(directory: string): string[] {
  const names = ROLES.filter((name) => existsSync(pairFiles(directory, name).cert));
  if (names.length > 0) return names;
  throw new BeaconError(
    'config',
    `--dir ${directory} holds none of bridge.crt, broker.crt and relay.crt; name the pair`,
  );
}

function issue(
  authority: Authority,
  role: LeafRole,
  { days }: { readonly days?: number },
  { clock, random }: CertsDeps,
  hosts: readonly Host[] = [],
): Issued {
  return issueLeaf(authority, {
    role,
    nowMs: clock.wall(),
    random,
    hosts,
    ...(days !== undefined && { days }),
  });
}

function newRelayAuthority({ clock, random }: CertsDeps): Authority {
  return createAuthority({ role: 'relayAuthority', nowMs: clock.wall(), random, days: AUTHORITY_DAYS });
}

function printPairs(pairs: readonly PairToWrite[], { write }: CertsDeps): void {
  for (const { files, issued } of pairs) {
    write(`wrote ${files.cert} and ${files.key}, valid until ${day(issued.notAfterMs)}`);
  }
}

function printInfoHash(authority: Authority, { write }: CertsDeps): void {
  write(`info_hash ${infoHashOfCertificate(authority.der)}`);
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** A path as a word of a shell line. */
function word(path: string): string {
  return /^[\w./:@%+=,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function collectHosts(text: string, before: readonly Host[] | undefined): readonly Host[] {
  return [...(before ?? []), parseHost(text)];
}

/** A file name and nothing more: no path, no dot file, and not that of a CA. */
function parseLabel(text: string): string {
  const isName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text);
  if (isName && text !== BRIDGE_CA && text !== RELAY_CA) return text;
  throw new BeaconError(
    'config',
    `'${text}' is no name for a pair: use up to 63 letters, digits, dots and hyphens`,
  );
}

function parseDays(text: string): number {
  const days = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (days >= 1 && days <= AUTHORITY_DAYS) return days;
  throw new InvalidArgumentError(`Give a whole number from 1 to ${AUTHORITY_DAYS}.`);
}
