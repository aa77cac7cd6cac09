/**
 * Clients of the broker that never rest, in a container of their own: most ask for a secret, each time on a new connection,
 * and one reads a large object so slowly that it is under way while things change. It prints {@link LOAD_IS_UP} when all have
 * begun, and at SIGTERM what came of it, as {@link LoadResult}.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';

export interface LoadResult {
  readonly answered: number;
  /** Slow reads that came to their end with every byte. */
  readonly read: number;
  readonly failures: readonly string[];
}

export const LOAD_IS_UP = 'all clients are at work';

const CLIENTS = 6;
const PAUSE_MS = 20;
const OBJECT_BYTES = 24 * 1_048_576;
/** Of the object at once, and then this pause: some 8 s for the whole of it. */
const SIP_BYTES = 524_288;
const SIP_PAUSE_MS = 160;

const base = process.env['VAULT_ADDR'];
const token = import.meta.main ? readFileSync('/secrets/token', 'utf8').trim() : '';
const failures: string[] = [];
let answered = 0;
let read = 0;
let begun = 0;
let stopped = false;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function begins(): void {
  begun += 1;
  if (begun === CLIENTS + 1) console.log(LOAD_IS_UP);
}

/** On a connection of its own. Rejects unless the status is one of success. */
function ask(method: string, path: string, body?: Buffer | string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { 'x-vault-token': token };
    const asked = request(`${base}${path}`, { method, headers, agent: new Agent({ keepAlive: false }) });
    asked.setTimeout(30_000, () => asked.destroy(new Error('no answer within 30 s')));
    asked.once('error', reject).once('response', (response) => {
      if (response.statusCode === 200 || response.statusCode === 204) resolve(response);
      else reject(new Error(`status ${response.statusCode}`));
    });
    asked.end(body);
  });
}

async function text(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function client(name: number): Promise<void> {
  const secret = `client ${name} ${randomBytes(8).toString('hex')}`;
  const path = `/v1/secret/data/load-${name}`;
  await text(await ask('POST', path, JSON.stringify({ data: { secret } })));
  begins();
  while (!stopped) {
    try {
      if (!(await text(await ask('GET', path))).includes(secret)) throw new Error('another answer');
      answered += 1;
    } catch (error) {
      failures.push(`${new Date().toISOString()} client ${name}: ${(error as Error).message}`);
    }
    await pause(PAUSE_MS);
  }
}

async function slowReader(): Promise<void> {
  const object = randomBytes(OBJECT_BYTES);
  const sent = createHash('sha256').update(object).digest('hex');
  await text(await ask('PUT', '/v1/objects/load', object));
  begins();
  while (!stopped) {
    try {
      const hash = createHash('sha256');
      let sip = 0;
      for await (const chunk of await ask('GET', '/v1/objects/load')) {
        hash.update(chunk as Buffer);
        sip += (chunk as Buffer).length;
        if (sip < SIP_BYTES || stopped) continue;
        sip = 0;
        await pause(SIP_PAUSE_MS);
      }
      if (hash.digest('hex') !== sent) throw new Error('other bytes');
      read += 1;
    } catch (error) {
      failures.push(`${new Date().toISOString()} reader: ${(error as Error).message}`);
    }
  }
}

if (import.meta.main) {
  process.once('SIGTERM', () => {
    stopped = true;
  });
  await Promise.all([slowReader(), ...Array.from({ length: CLIENTS }, (_, name) => client(name))]);
  console.log(JSON.stringify({ answered, read, failures } satisfies LoadResult));
}
