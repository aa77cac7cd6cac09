/**
 * What bridge and broker read from their files, checked: identity, proof, the way to trust a relay. Read again while they
 * run, as one: certificate, key and CAs are only good together.
 */
import type { Address } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import type { FileWatch } from '../base/file-watch.ts';
import type { InfoHash } from '../base/info-hash.ts';
import { PEM_FILE_BYTES } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Pin } from '../base/pin.ts';
import type { Random } from '../base/random.ts';
import type { Egress } from '../config/egress.ts';
import { flagOf } from '../config/settings.ts';
import { checkedContext } from '../net/server-context.ts';
import { readCertificate } from '../pki/certificate.ts';
import { chainsTo } from '../pki/chains-to.ts';
import { loadCredentials, namesAreNeutral, readPem } from '../pki/credentials.ts';
import { infoHashOfCertificate } from '../pki/info-hash.ts';
import { certificatesInPem, certificateToPem } from '../pki/pem.ts';
import { judgeChain } from '../pki/proof.ts';
import type { Role } from '../wire/frames.ts';
import { loadEgress } from './egress.ts';
import type { TunnelEvents } from './events.ts';
import type { TunnelIdentity } from './http2.ts';
import { type DialCredentials, RelayDialer } from './relay-dialer.ts';

/** The settings that bridge and broker share. */
export interface ClientSettings {
  readonly beaconAddress: readonly Address[];
  readonly beaconInfoHash: InfoHash | undefined;
  readonly beaconCa: string | undefined;
  readonly beaconPin: readonly Pin[] | undefined;
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly tlsCa: string;
  /** Default: relays are dialled directly. */
  readonly egress?: Egress;
}

export interface ClientCredentials {
  /** As it was read first; others come by {@link onChange}. */
  readonly identity: TunnelIdentity;
  readonly dialer: RelayDialer;
  /** Runs with each identity that the files hold later; the dialer has it then. Set it before the watch starts. */
  onChange: (identity: TunnelIdentity) => void;
}

export interface ClientDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Reads the files again. */
  readonly watch: FileWatch;
  /** Default: nobody counts. */
  readonly events?: TunnelEvents;
}

/** What the settings for certificate and key are called. */
export interface PairFlags {
  readonly cert: string;
  readonly key: string;
}

const PAIR_FLAGS: PairFlags = { cert: flagOf('tlsCert'), key: flagOf('tlsKey') };

/** What the files hold. */
interface ClientFiles extends DialCredentials {
  readonly identity: TunnelIdentity;
  /** Whether the names in the chain tell the relay nothing. */
  readonly neutral: boolean;
}

/**
 * Reads the files that `settings` name, and again whenever they change. Throws BeaconError('config') for what a relay
 * would refuse later, so that a mistake shows at start.
 *
 * @param role what the certificate must be good for.
 * @param flags default: `--tls-cert` and `--tls-key`.
 */
export async function loadClient(
  settings: ClientSettings,
  role: Role,
  deps: ClientDeps,
  flags: PairFlags = PAIR_FLAGS,
): Promise<ClientCredentials> {
  const { clock, random, log, watch } = deps;
  const { tlsCert, tlsKey, tlsCa, beaconCa } = settings;
  let infoHash: InfoHash | undefined;
  const files = await watch.open<ClientFiles>({
    name: `the certificate of ${flags.cert}`,
    files: [tlsCert, tlsKey, tlsCa, ...(beaconCa === undefined ? [] : [beaconCa])],
    maxBytes: PEM_FILE_BYTES,
    load: async () => {
      const read = await readFiles(settings, role, clock, flags);
      if (infoHash === undefined || infoHash === read.identity.infoHash) return read;
      throw new BeaconError(
        'config',
        `${flags.cert} ${tlsCert} comes from another CA now, which is another info_hash; start this process again to change that, see docs/ca-rotation.md`,
      );
    },
    describe: ({ identity }) => ({ notAfter: new Date(identity.notAfterMs).toISOString() }),
    notAfterMs: ({ identity }) => identity.notAfterMs,
  });
  const { identity } = files.value;
  infoHash = identity.infoHash;
  warnOfNames(files.value, log);
  const dialer = new RelayDialer({
    addresses: settings.beaconAddress,
    ...files.value,
    pins: settings.beaconPin ?? [],
    ...(settings.egress && { proxyFor: await loadEgress(settings.egress) }),
    clock,
    random,
    ...(deps.events && { events: deps.events }),
  });
  const client: ClientCredentials = { identity, dialer, onChange: () => {} };
  files.onChange = (fresh) => {
    warnOfNames(fresh, log);
    dialer.setCredentials(fresh);
    client.onChange(fresh.identity);
  };
  return client;
}

async function readFiles(
  settings: ClientSettings,
  role: Role,
  clock: Clock,
  flags: PairFlags,
): Promise<ClientFiles> {
  const credentials = await loadCredentials({
    certFile: settings.tlsCert,
    keyFile: settings.tlsKey,
    caFile: settings.tlsCa,
    flags: { ...flags, ca: flagOf('tlsCa') },
    wallMs: clock.wall(),
  });
  const { certificate: certPem, key: keyPem, chain, authorities, notAfterMs } = credentials;
  const authority = credentials.authority ?? missingAuthority(settings);
  const infoHash = infoHashOfCertificate(authority);
  const accepts = authorities.map(infoHashOfCertificate);
  checkInfoHash(settings, accepts);
  const verdict = judgeChain(chain, { infoHash, role, wallMs: clock.wall() });
  if (!verdict.ok) {
    throw new BeaconError(
      'config',
      `${flags.cert} ${settings.tlsCert} is no proof for this CA: ${verdict.text}; 'beacon certs issue' makes one that is`,
    );
  }
  checkedContext({ cert: certPem, key: keyPem });
  const caPem = authorities.map(certificateToPem).join('');
  return {
    identity: { certPem, keyPem, caPem, infoHash, accepts, notAfterMs, clock },
    relayCa: await relayCa(settings, authorities),
    bridgeCas: authorities,
    neutral: namesAreNeutral(chain),
  };
}

function warnOfNames({ neutral }: ClientFiles, log: Log): void {
  if (neutral) return;
  log.warn(
    'the relay gets to see the names in this certificate chain; use neutral ones if that tells too much',
  );
}

function checkInfoHash({ beaconInfoHash, tlsCa }: ClientSettings, accepts: readonly InfoHash[]): void {
  if (beaconInfoHash === undefined || accepts.includes(beaconInfoHash)) return;
  throw new BeaconError(
    'config',
    `${flagOf('beaconInfoHash')} is not that of ${flagOf('tlsCa')} ${tlsCa}: compare 'beacon info-hash ${tlsCa}' on both sides, or leave the flag out`,
  );
}

async function relayCa(
  settings: ClientSettings,
  bridgeCas: readonly Buffer[],
): Promise<string[] | undefined> {
  const { beaconCa } = settings;
  if (beaconCa === undefined) return undefined;
  const certificates = await readAuthorities(beaconCa, flagOf('beaconCa'));
  if (bridgeCas.some((bridgeCa) => chainsTo(certificates, bridgeCa))) {
    throw new BeaconError(
      'config',
      `${flagOf('beaconCa')} ${beaconCa} is the bridge CA: a relay under it could pose as the bridge; 'beacon certs relay' makes a CA for the relay`,
    );
  }
  return certificates.map(certificateToPem);
}

/** The certificates in `file`, DER, at least one, each of which can be read. Throws BeaconError('config') that names `flag`. */
export async function readAuthorities(file: string, flag: string): Promise<Buffer[]> {
  const certificates = certificatesInPem(await readPem(file, flag));
  if (certificates.length === 0)
    throw new BeaconError('config', `${flag} ${file} holds no certificate in PEM`);
  for (const certificate of certificates) {
    try {
      readCertificate(certificate);
    } catch (cause) {
      throw new BeaconError('config', `${flag} ${file} holds a certificate that cannot be read`, { cause });
    }
  }
  return certificates;
}

function missingAuthority({ tlsCa }: ClientSettings): never {
  throw new BeaconError('config', `${flagOf('tlsCa')} ${tlsCa} holds no certificate`);
}
