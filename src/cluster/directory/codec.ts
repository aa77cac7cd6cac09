/**
 * The directory's messages as bytes: one CBOR map (RFC 8949) each, with `version` and `kind`. A new field needs no new
 * version, as unknown ones are ignored; a message of another version is refused and counted.
 *
 * | kind      | from -> to                    | over                 | at most |
 * |-----------|-------------------------------|----------------------|---------|
 * | changes   | writer -> everybody           | gossip               | 8 KiB   |
 * | changes   | writer -> who pulls           | reply to a pull      | 192 KiB |
 * | heartbeat | node -> node                  | their own connection | 1 KiB   |
 * | pull      | who pulls -> writer           | request              | 256 B   |
 */
import { encode } from 'cborg';
import { BeaconError } from '../../base/errors.ts';
import {
  GOSSIP_VALUE_BYTES,
  HEARTBEAT_BYTES,
  PULL_PAGE_BYTES,
  PULL_REQUEST_BYTES,
  SOFTWARE_BYTES,
} from '../../base/limits.ts';
import { Fields } from './fields.ts';
import type { Changes } from './journal.ts';
import { checkPacked } from './packed.ts';

/** Of the messages between nodes. */
export const CLUSTER_PROTOCOL_VERSION = 1;

/** The year 144,683 in milliseconds. A higher one could not be topped by a number that doubles hold exactly. */
const MAX_INCARNATION = 2 ** 52;

/** A message of changes without its entries, names at their longest. */
const CHANGES_HEAD_BYTES = 192;
/** Packed entries that fit into a gossip entry, and into a page. */
export const ADVERT_ENTRY_BYTES = GOSSIP_VALUE_BYTES - CHANGES_HEAD_BYTES;
export const PAGE_ENTRY_BYTES = PULL_PAGE_BYTES - CHANGES_HEAD_BYTES;

/** Who speaks: a node, and which of its starts. */
export interface Origin {
  readonly node: string;
  readonly incarnation: number;
}

export interface ChangesMessage extends Origin, Changes {}

export interface Heartbeat extends Origin {
  /** Of this heartbeat: above that of any heartbeat and of any change before. */
  readonly sequence: number;
  /** The sequence of the last change. */
  readonly changed: number;
  /** Entries, and their digest, at `changed`. */
  readonly count: number;
  readonly digest: bigint;
  readonly draining: boolean;
  /** Splices under way, local and forwarded. */
  readonly load: number;
  /** host:port for forwards; `:port` where the host is the one by which the others know this node. */
  readonly forward: string;
  readonly zone: string;
  /** Name and version of the software, for people. */
  readonly software: string;
  /** What the sender knows of the node that it writes to. */
  readonly you: Hearsay | undefined;
}

/** What somebody else knows of a node. */
export interface Hearsay {
  readonly incarnation: number;
  /** Milliseconds since the teller heard that incarnation last. */
  readonly heardMs: number;
}

export interface PullRequest {
  /** Who asks. */
  readonly node: string;
  /** The incarnation of the writer that is asked for. */
  readonly of: number;
  readonly after: number;
  /** See {@link Journal.since}. */
  readonly begun: number;
}

/** Throws `errGossipValueTooLarge`. */
export function encodeAdvert(origin: Origin, changes: Changes): Uint8Array {
  return checkGossipSize(encodeChanges(origin, changes));
}

/** Throws `errGossipValueTooLarge`, `unsupportedVersion` and `malformed`. */
export function decodeAdvert(bytes: Uint8Array): ChangesMessage {
  return decodeChanges(checkGossipSize(bytes));
}

export function encodePage(origin: Origin, changes: Changes): Uint8Array {
  return encodeChanges(origin, changes);
}

/** Throws `unsupportedVersion` and `malformed`. */
export function decodePage(bytes: Uint8Array): ChangesMessage {
  checkSize('changes', bytes, PULL_PAGE_BYTES);
  return decodeChanges(bytes);
}

export function encodeHeartbeat({ you, ...heartbeat }: Heartbeat): Uint8Array {
  return encodeMessage('heartbeat', {
    ...heartbeat,
    ...(you && { yourIncarnation: you.incarnation, youHeardMs: Math.ceil(you.heardMs) }),
  });
}

/** Throws `unsupportedVersion` and `malformed`. */
export function decodeHeartbeat(bytes: Uint8Array): Heartbeat {
  checkSize('heartbeat', bytes, HEARTBEAT_BYTES);
  const fields = decodeMessage('heartbeat', bytes);
  const heartbeat = {
    ...readOrigin(fields),
    sequence: fields.whole('sequence'),
    changed: fields.whole('changed'),
    count: fields.whole('count'),
    digest: fields.u64('digest'),
    draining: fields.flag('draining'),
    load: fields.whole('load'),
    forward: fields.address('forward'),
    zone: fields.name('zone', 0),
    software: fields.text('software', SOFTWARE_BYTES),
    you: fields.has('yourIncarnation')
      ? { incarnation: readIncarnation(fields, 'yourIncarnation'), heardMs: fields.whole('youHeardMs') }
      : undefined,
  };
  if (heartbeat.changed >= heartbeat.sequence) fields.fail('changed', 'is not below sequence');
  return heartbeat;
}

export function encodePull(request: PullRequest): Uint8Array {
  return encodeMessage('pull', { ...request });
}

/** Throws `unsupportedVersion` and `malformed`. */
export function decodePull(bytes: Uint8Array): PullRequest {
  checkSize('pull', bytes, PULL_REQUEST_BYTES);
  const fields = decodeMessage('pull', bytes);
  return {
    node: fields.name('node', 1),
    of: readIncarnation(fields, 'of'),
    after: fields.whole('after'),
    begun: fields.whole('begun'),
  };
}

function encodeChanges(origin: Origin, { after, upto, changed, packed }: Changes): Uint8Array {
  const { node, incarnation } = origin;
  return encodeMessage('changes', { node, incarnation, after, upto, changed, packed });
}

function decodeChanges(bytes: Uint8Array): ChangesMessage {
  const fields = decodeMessage('changes', bytes);
  const changes = {
    ...readOrigin(fields),
    after: fields.whole('after'),
    upto: fields.whole('upto'),
    changed: fields.whole('changed'),
    packed: fields.bytes('packed'),
  };
  if (changes.upto < changes.after) fields.fail('upto', 'is below after');
  if (changes.changed < changes.upto) fields.fail('changed', 'is below upto');
  if (changes.upto === changes.after && changes.changed > changes.upto)
    fields.fail('upto', 'is no step ahead');
  checkPacked(changes.packed);
  return changes;
}

function readOrigin(fields: Fields): Origin {
  return { node: fields.name('node', 1), incarnation: readIncarnation(fields, 'incarnation') };
}

function readIncarnation(fields: Fields, field: string): number {
  const incarnation = fields.whole(field);
  return incarnation <= MAX_INCARNATION ? incarnation : fields.fail(field, 'is not a time in milliseconds');
}

function encodeMessage(kind: string, fields: Record<string, unknown>): Uint8Array {
  return encode({ version: CLUSTER_PROTOCOL_VERSION, kind, ...fields });
}

function decodeMessage(kind: string, bytes: Uint8Array): Fields {
  const fields = new Fields(kind, bytes);
  const version = fields.whole('version');
  if (version !== CLUSTER_PROTOCOL_VERSION) {
    throw new BeaconError(
      'unsupportedVersion',
      `${kind}: has version ${version}, this node speaks ${CLUSTER_PROTOCOL_VERSION}; run releases that are next to each other`,
    );
  }
  if (fields.text('kind', 16) !== kind) fields.fail('kind', `is not ${kind}`);
  return fields;
}

function checkGossipSize(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= GOSSIP_VALUE_BYTES) return bytes;
  throw new BeaconError(
    'errGossipValueTooLarge',
    `gossip entry of ${bytes.length} bytes, at most ${GOSSIP_VALUE_BYTES} may be; it is dropped and the connection stays`,
  );
}

function checkSize(message: string, bytes: Uint8Array, max: number): void {
  if (bytes.length <= max) return;
  throw new BeaconError('malformed', `${message}: is ${bytes.length} bytes long, at most ${max} may be`);
}
