/** The demo's client of the store: curl where the machine has it, else Node's fetch. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { DemoError } from './children.ts';

export interface Client {
  readonly name: 'curl' | 'fetch';
  /** The body of the answer as text. Throws DemoError on any status but 2xx. */
  json(method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown>;
  /** Sends a file. */
  upload(path: string, file: string): Promise<void>;
  /** SHA-256 of the object, in hex. `onBytes` gets the number of bytes so far, each time some arrive. */
  download(path: string, onBytes?: (total: number) => void): Promise<string>;
}

/** @param tokenHeader file with the line `X-Vault-Token: ...`, so that the token is in no command line. */
export async function createClient(base: string, tokenHeader: string, token: string): Promise<Client> {
  return (await hasCurl()) ? curlClient(base, tokenHeader) : fetchClient(base, token);
}

async function hasCurl(): Promise<boolean> {
  const child = spawn('curl', ['--version'], { stdio: 'ignore' });
  const code = await Promise.race([once(child, 'exit').then(([value]) => value), once(child, 'error')]);
  return code === 0;
}

function curlClient(base: string, tokenHeader: string): Client {
  const common = ['--silent', '--show-error', '--fail', '--max-time', '60', '--header', `@${tokenHeader}`];
  return {
    name: 'curl',
    async json(method, path, body) {
      const data = body === undefined ? [] : ['--header', 'content-type: application/json', '--data', '@-'];
      const child = curl([...common, '--request', method, ...data, base + path]);
      child.stdin.end(body === undefined ? '' : JSON.stringify(body));
      const chunks: Buffer[] = [];
      child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
      await child.done;
      return JSON.parse(Buffer.concat(chunks).toString());
    },
    async upload(path, file) {
      const child = curl([...common, '--upload-file', file, base + path]);
      child.stdin.end();
      child.stdout.resume();
      await child.done;
    },
    async download(path, onBytes) {
      const child = curl([...common, '--no-buffer', base + path]);
      child.stdin.end();
      const meter = new Meter(onBytes);
      child.stdout.on('data', (chunk: Buffer) => meter.take(chunk));
      await child.done;
      return meter.sha256;
    },
  };
}

class Meter {
  readonly #hash = createHash('sha256');
  readonly #onBytes: (total: number) => void;
  #total = 0;

  constructor(onBytes: (total: number) => void = () => {}) {
    this.#onBytes = onBytes;
  }

  get sha256(): string {
    return this.#hash.digest('hex');
  }

  take(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#total += chunk.length;
    this.#onBytes(this.#total);
  }
}

function curl(args: readonly string[]) {
  const child = spawn('curl', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const errors: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const done = once(child, 'close').then(([code]) => {
    if (code !== 0) throw new DemoError(`curl failed: ${Buffer.concat(errors).toString().trim()}`);
  });
  return { stdin: child.stdin, stdout: child.stdout, done };
}

function fetchClient(base: string, token: string): Client {
  const headers = { 'x-vault-token': token };
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const response = await fetch(base + path, { ...init, headers, signal: AbortSignal.timeout(60_000) });
    if (!response.ok) throw new DemoError(`the store answered ${response.status}`);
    return response;
  };
  return {
    name: 'fetch',
    async json(method, path, body) {
      const response = await ask(path, { method, ...(body !== undefined && { body: JSON.stringify(body) }) });
      return response.json();
    },
    async upload(path, file) {
      const body = createReadStream(file) as unknown as ReadableStream;
      await ask(path, { method: 'PUT', body, duplex: 'half' } as RequestInit);
    },
    async download(path, onBytes) {
      const meter = new Meter(onBytes);
      const { body } = await ask(path);
      if (body) for await (const chunk of body) meter.take(chunk);
      return meter.sha256;
    },
  };
}
