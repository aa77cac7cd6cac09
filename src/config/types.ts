/** What a setting's value can be: a closed union of types, and one parser for each. */
import { type Address, parseAddress, parseAddressList } from '../base/address.ts';
import { type Cidr, parseCidrs } from '../base/cidr.ts';
import { type ClusterPeer, parseClusterPeers } from '../base/cluster-peer.ts';
import { BeaconError } from '../base/errors.ts';
import { type InfoHash, parseInfoHash } from '../base/info-hash.ts';
import { type Pin, parsePins } from '../base/pin.ts';
import { type ProxyUrl, parseProxyUrl } from './proxy-url.ts';
import { type Listen, parseListens, parseTargets, type Target } from './targets.ts';
import { parseVaultAddr, type VaultAddr } from './vault-addr.ts';

export type SettingType =
  /** One line of text of at most `maxBytes` bytes of UTF-8; may be empty. */
  | { readonly kind: 'string'; readonly maxBytes: number }
  /** A name as frames carry it (PROTOCOL.md, name8): printable ASCII without blanks; may be empty. */
  | { readonly kind: 'name'; readonly maxBytes: number }
  /** Path of a file that the process reads. What a file holds is never a setting's value. */
  | { readonly kind: 'file' }
  /** host:port to dial. */
  | { readonly kind: 'address'; readonly defaultPort?: number }
  /** [host]:port to listen on; without a host: every address. Port 0: any free port. */
  | { readonly kind: 'listenAddress'; readonly defaultPort: number }
  /** The same, or `off`: do not listen. */
  | { readonly kind: 'listenAddressOrOff'; readonly defaultPort: number }
  /** Where to listen, and for which target each: [host]:port or [host]:port=name, separated by commas. */
  | { readonly kind: 'listenList'; readonly defaultPort: number }
  /** Targets: name=url, separated by commas. */
  | { readonly kind: 'targetList' }
  /** An HTTP proxy, without a password. */
  | { readonly kind: 'proxyUrl' }
  /** One or more addresses to dial, separated by commas. */
  | { readonly kind: 'addressList'; readonly defaultPort: number }
  /** Where the secret store is: https://, http:// or tcp://. */
  | { readonly kind: 'url' }
  /** Nodes of a cluster: name=host:port,... */
  | { readonly kind: 'clusterPeers' }
  /** Networks, or single IP addresses, separated by commas. */
  | { readonly kind: 'cidrList' }
  | { readonly kind: 'infoHash' }
  | { readonly kind: 'pinList' }
  /** A whole number, bounds included. */
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'enum'; readonly values: readonly string[] }
  /** Some of these words, separated by commas, each once. */
  | { readonly kind: 'list'; readonly values: readonly string[] };

export type Kind = SettingType['kind'];
type TypeOf<K extends Kind> = Extract<SettingType, { readonly kind: K }>;

/** The TypeScript type of a value of setting type `T`. */
export type ValueOf<T extends SettingType> = T extends {
  readonly kind: 'enum';
  readonly values: readonly (infer V)[];
}
  ? V
  : T extends { readonly kind: 'list'; readonly values: readonly (infer V)[] }
    ? readonly V[]
    : {
        string: string;
        name: string;
        file: string;
        address: Address;
        listenAddress: Address;
        listenAddressOrOff: Address | 'off';
        listenList: readonly Listen[];
        targetList: readonly Target[];
        proxyUrl: ProxyUrl;
        addressList: readonly Address[];
        url: VaultAddr;
        clusterPeers: readonly ClusterPeer[];
        cidrList: readonly Cidr[];
        infoHash: InfoHash;
        pinList: readonly Pin[];
        integer: number;
        boolean: boolean;
        enum: string;
        list: readonly string[];
      }[T['kind']];

type Parsers = { readonly [K in Kind]: (text: string, type: TypeOf<K>) => ValueOf<TypeOf<K>> };

const PARSERS: Parsers = {
  string: parseString,
  name: parseName,
  file: parseFile,
  address: (text, type) => parseAddress(text, type),
  listenAddress: parseListenAddress,
  listenAddressOrOff: (text, type) => (text === 'off' ? 'off' : parseListenAddress(text, type)),
  listenList: parseListens,
  targetList: parseTargets,
  proxyUrl: (text) => parseProxyUrl(text, { mayHoldPassword: false }),
  addressList: (text, type) => parseAddressList(text, type),
  url: parseVaultAddr,
  clusterPeers: parseClusterPeers,
  cidrList: parseCidrs,
  infoHash: parseInfoHash,
  pinList: parsePins,
  integer: parseInteger,
  boolean: parseBoolean,
  enum: parseEnum,
  list: parseList,
};

/** The value that `text` stands for. Throws `config` with a text that says what was expected. */
export function parseValue<K extends Kind>(type: TypeOf<K>, text: string): ValueOf<TypeOf<K>> {
  return PARSERS[type.kind as K](text, type);
}

/** `text` as it may be shown in an error: quoted, and cut where it is long. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
}

function parseListenAddress(text: string, { defaultPort }: { readonly defaultPort: number }): Address {
  return parseAddress(text, { defaultPort, allowAnyHost: true });
}

function parseString(text: string, type: TypeOf<'string'>): string {
  const bytes = Buffer.byteLength(text);
  if (bytes > type.maxBytes) throw wrong(`${shown(text)} has ${bytes} bytes; at most ${type.maxBytes} fit`);
  if (/\p{Cc}/u.test(text)) throw wrong(`${shown(text)} has a control character in it`);
  return text;
}

function parseName(text: string, { maxBytes }: TypeOf<'name'>): string {
  if (!/^[\x21-\x7e]*$/.test(text)) {
    throw wrong(`${shown(text)} is no name: only printable ASCII characters without blanks fit`);
  }
  if (text.length > maxBytes) throw wrong(`${shown(text)} has ${text.length} bytes; at most ${maxBytes} fit`);
  return text;
}

function parseFile(text: string): string {
  // A key pasted into a variable must not be repeated on the screen.
  if (/-----BEGIN|[\r\n\0]/.test(text)) {
    throw wrong(
      'expected the path of a file, got what looks like its content; save that to a file of mode 0600',
    );
  }
  if (text === '') throw wrong('expected the path of a file, got nothing');
  return text;
}

function parseInteger(text: string, { min, max }: TypeOf<'integer'>): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw wrong(`${shown(text)} is not a whole number from ${min} to ${max}`);
}

function parseBoolean(text: string): boolean {
  const word = text.toLowerCase();
  if (word === 'true' || word === '1') return true;
  if (word === 'false' || word === '0') return false;
  throw wrong(`${shown(text)} is neither true nor false`);
}

function parseEnum(text: string, { values }: TypeOf<'enum'>): string {
  if (values.includes(text)) return text;
  throw wrong(`${shown(text)} is not one of ${values.join(', ')}`);
}

function parseList(text: string, type: TypeOf<'list'>): readonly string[] {
  const words = text.split(',').map((word) => word.trim());
  for (const [at, word] of words.entries()) {
    if (!type.values.includes(word)) throw wrong(`${shown(word)} is not one of ${type.values.join(', ')}`);
    if (words.indexOf(word) < at) throw wrong(`${word} is in the list twice`);
  }
  return words;
}

function wrong(message: string): BeaconError {
  return new BeaconError('config', message);
}
