/** Asks the administration of a process of this machine, for the tools of the command line. */
import { type ClientRequest, type IncomingMessage, request as send } from 'node:http';
import { type Address, formatAddress } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import { BeaconError, systemCode } from '../base/errors.ts';
import { ADMIN_ANSWER_BYTES, ADMIN_ANSWER_MS } from '../base/limits.ts';

/** What is asked of it: by method and path. */
export type Question = { readonly method: 'GET' | 'POST'; readonly path: string };

/**
 * The JSON object that it answers. Throws `unreachable` when nobody answers there or something else than a daemon of ours,
 * `timeout`, and `notAllowed` with the text of a refusal.
 */
export async function askAdmin(
  address: Address,
  question: Question,
  clock: Clock,
): Promise<Readonly<Record<string, unknown>>> {
  const name = formatAddress(address);
  const { status, body } = await exchange(address, name, question, clock);
  if (status >= 200 && status < 300) return objectIn(body, name);
  throw new BeaconError('notAllowed', `${name} answered ${status}: ${body.trim().slice(0, 200)}`);
}

interface Reply {
  readonly status: number;
  readonly body: string;
}

function exchange(
  { host, port }: Address,
  name: string,
  { method, path }: Question,
  clock: Clock,
): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const asked: ClientRequest = send({ host, port, method, path, agent: false }, (response) =>
    read(response, name).then(resolve, reject),
  );
  const timer = clock.after(ADMIN_ANSWER_MS, () => {
    reject(new BeaconError('timeout', `${name} did not answer within ${ADMIN_ANSWER_MS / 1_000} s`));
    asked.destroy();
  });
  asked.once('error', (cause) => reject(nobodyAt(name, cause)));
  asked.end();
  return promise.finally(() => timer.cancel());
}

async function read(response: IncomingMessage, name: string): Promise<Reply> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > ADMIN_ANSWER_BYTES) throw notOurs(name);
    }
  } catch (error) {
    throw error instanceof BeaconError ? error : nobodyAt(name, error);
  }
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() };
}

function objectIn(body: string, name: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Readonly<Record<string, unknown>>;
  } catch {
    // As below.
  }
  throw notOurs(name);
}

function nobodyAt(name: string, cause: unknown): BeaconError {
  const code = systemCode(cause);
  const why =
    code === 'ECONNREFUSED' ? 'nobody listens there' : `the connection failed (${code ?? 'no reason given'})`;
  return new BeaconError(
    'unreachable',
    `no daemon answers at ${name}: ${why}; is it running, and is this its --admin-addr?`,
    { cause, retry: true },
  );
}

function notOurs(name: string): BeaconError {
  return new BeaconError('malformed', `what answers at ${name} is no daemon of beacon`);
}
