/** Whom a dialling client trusts, and what it shows of itself. */
import { createHash, X509Certificate } from 'node:crypto';
import { getCACertificates, type SecureContext } from 'node:tls';
import type { Pin } from '../base/pin.ts';
import { type Credentials, checkedContext, type TlsVersion } from './server-context.ts';

export interface Trust {
  /** Authorities as PEM. Undefined: the system's store and the public roots that Node brings along. */
  readonly ca?: readonly string[];
  /**
   * The peer's certificate must fit one of these. Without `ca` a fitting pin is enough, whoever signed the certificate
   * and whatever name and dates it bears; with `ca` the usual checks hold as well.
   */
  readonly pins?: readonly Pin[];
}

/** Whether the chain, the name and the dates decide; if not, a pin does. */
export function checksChain({ ca, pins = [] }: Trust): boolean {
  return ca !== undefined || pins.length === 0;
}

/** Whether the DER certificate `leaf` fits `pin`. */
export function fitsPin(leaf: Buffer, pin: Pin): boolean {
  return (pin.kind === 'cert' ? sha256(leaf) : sha256(publicKeyOf(leaf))) === pin.sha256;
}

function publicKeyOf(leaf: Buffer): Buffer {
  return new X509Certificate(leaf).publicKey.export({ type: 'spki', format: 'der' });
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** With the system's store a context costs 50 ms of CPU, and the same peers are dialled over and over. */
const contexts = new WeakMap<object, WeakMap<object, Map<TlsVersion, SecureContext>>>();
/** Stand for what was left out, as keys of `contexts`. */
const SYSTEM = {};
const NO_CHECK = {};
const NOBODY = {};

/** The context for `trust` and `identity`, made once while the same `ca` and `identity` are passed. Throws `config`. */
export function clientContext(
  trust: Trust,
  identity: Credentials | undefined,
  minVersion: TlsVersion,
): SecureContext {
  const byIdentity = entry(
    contexts,
    trust.ca ?? (checksChain(trust) ? SYSTEM : NO_CHECK),
    () => new WeakMap(),
  );
  const byVersion = entry(byIdentity, identity ?? NOBODY, () => new Map());
  const kept = byVersion.get(minVersion);
  if (kept) return kept;
  const context = checkedContext({
    ca: authorities(trust),
    minVersion,
    ...(identity && { cert: identity.certPem, key: identity.keyPem }),
  });
  byVersion.set(minVersion, context);
  return context;
}

function entry<V>(map: WeakMap<object, V>, key: object, create: () => V): V {
  const kept = map.get(key);
  if (kept) return kept;
  const made = create();
  map.set(key, made);
  return made;
}

function authorities(trust: Trust): string[] {
  if (trust.ca) return [...trust.ca];
  if (!checksChain(trust)) return [];
  return [...new Set([...getCACertificates('system'), ...getCACertificates('bundled')])];
}
