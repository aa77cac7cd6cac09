/** What a client of the broker does: one large transfer, or one small POST. No client here ever tries again. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { messageOf } from '../../../src/base/errors.ts';
import { LOOPBACK } from '../loopback.ts';
import { Arrivals, pour, type Store } from './store.ts';

export type Direction = 'download' | 'upload';

export interface TransferOptions {
  /** The broker's listener. */
  readonly port: number;
  readonly store: Store;
  readonly direction: Direction;
  readonly bytes: number;
  /** Bytes a second, or Infinity. */
  readonly rate: number;
}

export interface Transfer {
  readonly direction: Direction;
  readonly total: number;
  /** At whoever receives: the client of a download, the store of an upload. Undefined until the first bytes came. */
  readonly arrivals: Arrivals | undefined;
  /** Settles when it is over: undefined when every byte arrived once and in order, else what went wrong. */
  readonly done: Promise<string | undefined>;
  /** Gives it up. */
  cut(): void;
}

let last = 0;

export function transfer(options: TransferOptions): Transfer {
  last += 1;
  const id = `t${last}`;
  const { direction, bytes, store } = options;
  const rate = Number.isFinite(options.rate) ? Math.round(options.rate) : 0;
  const path = direction === 'download' ? `/down/${id}/${bytes}/${rate}` : `/up/${id}`;
  const sent = request({
    host: LOOPBACK,
    port: options.port,
    path,
    method: direction === 'download' ? 'GET' : 'PUT',
    agent: false,
    ...(direction === 'upload' && { headers: { 'content-length': bytes } }),
  });
  const arrived = new Arrivals();
  const run = direction === 'download' ? download(sent, arrived, id, options) : upload(sent, options);
  return {
    direction,
    total: bytes,
    get arrivals() {
      return direction === 'download' ? arrived : store.uploads.get(id);
    },
    done: run.then(
      () => undefined,
      (error) => messageOf(error),
    ),
    cut: () => sent.destroy(),
  };
}

async function download(
  sent: ClientRequest,
  arrived: Arrivals,
  id: string,
  { store, bytes }: TransferOptions,
): Promise<void> {
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  response.on('data', (chunk: Buffer) => arrived.add(chunk));
  await ended(response);
  assert.equal(arrived.bytes, bytes, 'bytes are missing, or too many');
  assert.equal(arrived.digest(), store.sent.get(id), 'the hashes differ');
}

async function upload(sent: ClientRequest, { bytes, rate }: TransferOptions): Promise<void> {
  const answer = once(sent, 'response') as Promise<[IncomingMessage]>;
  answer.catch(() => {});
  const sha256 = await pour(sent, bytes, rate);
  const [response] = await answer;
  assert.equal(await textOf(response), `${bytes} ${sha256}`, 'bytes or hash differ');
}

/** Resolves with what the store answered. */
export async function post(port: number, id: string, timeoutMs: number): Promise<string> {
  const sent = request({ host: LOOPBACK, port, path: `/post/${id}`, method: 'POST', agent: false });
  sent.setTimeout(timeoutMs, () => sent.destroy(new Error('no answer in time')));
  sent.end(`{"id":"${id}"}`);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return textOf(response);
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await ended(response);
  return text;
}

async function ended(response: IncomingMessage): Promise<void> {
  await once(response, 'end');
  assert(response.complete, 'the answer was cut');
}
