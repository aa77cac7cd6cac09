/**
 * Makes what a chaos run needs, in the image of beacon: a CA for each of the scenario, the certificate of the relays, and the
 * secret of the cluster. `setup.ts renew N` issues those of CA N anew.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, writeFileSync } from 'node:fs';
import { entryHost } from './places.ts';

const SECRETS = '/secrets';
/** The user of the image. */
const USER = 65532;

function beacon(...args: readonly string[]): string {
  const { error, status, stdout, stderr } = spawnSync('beacon', args, { encoding: 'utf8' });
  if (status === 0) return stdout;
  throw new Error(`beacon ${args.join(' ')} failed: ${error?.message ?? stderr.trim()}`);
}

/** A fresh volume belongs to root. Once it is the user's, all that follows is done as that user. */
function becomeUser(): void {
  chownSync(SECRETS, USER, USER);
  process.setgroups?.([USER]);
  process.setgid?.(USER);
  process.setuid?.(USER);
  chmodSync(SECRETS, 0o700);
}

function make(cas: number, relays: number): void {
  const hosts = Array.from({ length: relays }, (_, relay) => ['--host', entryHost(relay)]).flat();
  beacon('certs', 'relay', ...hosts, '--out', `${SECRETS}/relay`);
  const allowed: string[] = [];
  for (let ca = 0; ca < cas; ca += 1) {
    beacon('certs', 'init', '--out', `${SECRETS}/ca-${ca}`);
    allowed.push(beacon('info-hash', `${SECRETS}/ca-${ca}/bridge-ca.crt`).trim());
  }
  writeFileSync(`${SECRETS}/allowed`, `${allowed.join('\n')}\n`);
  writeFileSync(`${SECRETS}/cluster.secret`, `${randomBytes(32).toString('base64')}\n`, { mode: 0o400 });
}

if (process.getuid?.() === 0) becomeUser();
const [what, ca] = process.argv.slice(2);
if (what === 'renew') beacon('certs', 'renew', '--replace', '--dir', `${SECRETS}/ca-${ca}`);
else if (!existsSync(`${SECRETS}/cluster.secret`))
  make(Number(process.env['CHAOS_CAS']), Number(process.env['CHAOS_RELAYS']));
