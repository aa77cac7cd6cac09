/**
 * A workload: writes a secret to the store and reads it back, by what VAULT_ADDR names. For the store it looks like any
 * other client; that there are a broker, relays and a bridge in between it need not know.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

const url = `${process.env['VAULT_ADDR']}/v1/secret/data/demo`;
const headers = { 'X-Vault-Token': readFileSync('/secrets/token', 'utf8').trim() };

async function ask(init: RequestInit = {}): Promise<string> {
  const response = await fetch(url, { ...init, headers, signal: AbortSignal.timeout(30_000) });
  const text = await response.text();
  if (!response.ok) throw new Error(`the store answered ${response.status}: ${text.trim()}`);
  return text;
}

const password = randomBytes(12).toString('base64url');
await ask({ method: 'POST', body: JSON.stringify({ data: { password } }) });
console.log(`wrote ${password} to ${url}`);
const answer = await ask();
console.log(`read  ${answer.trim()}`);
if (!answer.includes(password)) throw new Error('that is not what was written');
