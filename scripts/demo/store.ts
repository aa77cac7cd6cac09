/**
 * A stand-in for OpenBao in the demo: the KV version 2 read and write paths over HTTPS, plus a path for large objects.
 * It keeps everything in memory, knows one token, and is of no use for anything else.
 *
 * Started as a process: store.ts CERT KEY TOKEN_FILE [HOST:PORT]; prints its port on stdout. Without an address it takes
 * any free port of 127.0.0.1.
 */
import { timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

const LARGEST_SECRET_BYTES = 1_048_576;
const LARGEST_OBJECT_BYTES = 128 * 1_048_576;

interface Version {
  readonly data: unknown;
  readonly metadata: { readonly version: number; readonly created_time: string; readonly destroyed: false };
}

const secrets = new Map<string, Version[]>();
const objects = new Map<string, Buffer>();

const [cert = '', key = '', tokenFile = '', address = '127.0.0.1:0'] = process.argv.slice(2);
const token = Buffer.from(readFileSync(tokenFile, 'utf8').trim());

const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
  answer(request, response).catch(() => response.destroy());
});
const [host = '', port = ''] = address.split(':');
server.listen(Number(port), host, () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = new URL(request.url ?? '/', 'https://store').pathname;
  if (path === '/v1/sys/health') return send(response, 200, { initialized: true, sealed: false });
  if (!authorized(request)) return send(response, 403, { errors: ['permission denied'] });
  const secret = /^\/v1\/secret\/data\/(.+)$/.exec(path)?.[1];
  if (secret !== undefined) return answerSecret(request, response, secret);
  const object = /^\/v1\/objects\/(.+)$/.exec(path)?.[1];
  if (object !== undefined) return answerObject(request, response, object);
  return send(response, 404, { errors: [] });
}

function authorized({ headers }: IncomingMessage): boolean {
  const given = Buffer.from(String(headers['x-vault-token'] ?? ''));
  return given.length === token.length && timingSafeEqual(given, token);
}

async function answerSecret(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
  const versions = secrets.get(path) ?? [];
  if (request.method === 'GET') {
    const latest = versions.at(-1);
    return latest ? send(response, 200, { data: latest }) : send(response, 404, { errors: [] });
  }
  if (request.method !== 'POST' && request.method !== 'PUT') return send(response, 405, { errors: [] });
  const body: unknown = JSON.parse((await read(request, LARGEST_SECRET_BYTES)).toString());
  const data = typeof body === 'object' && body !== null && 'data' in body ? body.data : undefined;
  if (data === undefined) return send(response, 400, { errors: ['no data provided'] });
  const created = new Date().toISOString();
  const metadata = { version: versions.length + 1, created_time: created, destroyed: false } as const;
  secrets.set(path, [...versions, { data, metadata }]);
  send(response, 200, { data: metadata });
}

async function answerObject(request: IncomingMessage, response: ServerResponse, name: string): Promise<void> {
  if (request.method === 'PUT') {
    objects.set(name, await read(request, LARGEST_OBJECT_BYTES));
    return void response.writeHead(204).end();
  }
  const object = objects.get(name);
  if (!object) return send(response, 404, { errors: [] });
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': object.length });
  response.end(object);
}

async function read(request: IncomingMessage, largest: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > largest) request.destroy();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}
