/**
 * Makes what the services of docker-compose.yml need: certificates, the cluster secret, the allow file and the token of the
 * store. Runs once before them, in the image of beacon:
 *
 *   setup.ts          makes what is missing, and leaves what is there as it is
 *   setup.ts renew    issues the certificates anew, and hands them out
 *
 * Each service gets a volume with its own files only. `authorities` has the keys of the CAs and is for this script alone.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SECRETS = '/secrets';
/** The user of the image. */
const USER = 65532;
const VOLUMES = ['authorities', 'relay', 'bridge', 'broker', 'store', 'client'] as const;

/** What `beacon certs` makes, by its directory in `authorities`. */
const AUTHORITIES = {
  tunnel: ['init'],
  relay: ['relay', '--host', 'haproxy'],
  store: ['relay', '--host', 'store'],
} as const;

/** File of a volume, and the file of `authorities` that it is a copy of. A key comes before its certificate. */
const HANDED_OUT: readonly (readonly [copy: string, original: string])[] = [
  ['relay/relay.key', 'relay/relay.key'],
  ['relay/relay.crt', 'relay/relay.crt'],
  ['bridge/bridge.key', 'tunnel/bridge.key'],
  ['bridge/bridge.crt', 'tunnel/bridge.crt'],
  ['bridge/bridge-ca.crt', 'tunnel/bridge-ca.crt'],
  ['bridge/relay-ca.crt', 'relay/relay-ca.crt'],
  ['bridge/store-ca.crt', 'store/relay-ca.crt'],
  ['broker/broker.key', 'tunnel/broker.key'],
  ['broker/broker.crt', 'tunnel/broker.crt'],
  ['broker/bridge-ca.crt', 'tunnel/bridge-ca.crt'],
  ['broker/relay-ca.crt', 'relay/relay-ca.crt'],
  ['store/store.key', 'store/relay.key'],
  ['store/store.crt', 'store/relay.crt'],
];

const made: string[] = [];

/** Fresh volumes belong to root. Once they are the user's, all that follows is done as that user. */
function becomeUser(): void {
  for (const volume of VOLUMES) chownSync(join(SECRETS, volume), USER, USER);
  process.setgroups?.([USER]);
  process.setgid?.(USER);
  process.setuid?.(USER);
  for (const volume of VOLUMES) chmodSync(join(SECRETS, volume), 0o700);
}

function beacon(...args: readonly string[]): string {
  const { error, status, stdout, stderr } = spawnSync('beacon', args, { encoding: 'utf8' });
  if (status === 0) return stdout;
  throw new Error(`beacon ${args.join(' ')} failed: ${error?.message ?? stderr.trim()}`);
}

/** The whole directory or nothing of it, also where we are ended in the middle. */
function makeAuthorities(): void {
  for (const [name, args] of Object.entries(AUTHORITIES)) {
    const directory = join(SECRETS, 'authorities', name);
    if (existsSync(directory)) continue;
    const unfinished = `${directory}.unfinished`;
    rmSync(unfinished, { recursive: true, force: true });
    beacon('certs', ...args, '--out', unfinished);
    renameSync(unfinished, directory);
  }
}

function renew(): void {
  for (const name of Object.keys(AUTHORITIES))
    beacon('certs', 'renew', '--replace', '--dir', join(SECRETS, 'authorities', name));
}

/** Whoever reads `name` meanwhile sees the old content or the new one, whole. */
function put(name: string, content: string | Buffer): void {
  const file = join(SECRETS, name);
  if (existsSync(file) && readFileSync(file).equals(Buffer.from(content))) return;
  writeFileSync(`${file}.new`, content, { mode: 0o400 });
  renameSync(`${file}.new`, file);
  made.push(name);
}

function putOnce(name: string, content: () => string): void {
  if (!existsSync(join(SECRETS, name))) put(name, content());
}

function handOut(): void {
  for (const [copy, original] of HANDED_OUT) put(copy, readFileSync(join(SECRETS, 'authorities', original)));
  put('relay/allowed', beacon('info-hash', join(SECRETS, 'bridge/bridge-ca.crt')));
  putOnce('relay/cluster.secret', () => `${randomBytes(32).toString('base64')}\n`);
  putOnce('store/token', () => `${randomBytes(24).toString('base64url')}\n`);
  put('client/token', readFileSync(join(SECRETS, 'store/token')));
}

if (process.getuid?.() === 0) becomeUser();
makeAuthorities();
if (process.argv[2] === 'renew') renew();
handOut();
console.log(made.length === 0 ? 'everything is there already' : `made ${made.join(', ')}`);
