/** Asks the administration or the health of a process of this machine, for the tools of the command line. */
import { type ClientRequest, type IncomingMessage, request as send } from 'node:http';
import { type Address, formatAddress } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import { BeaconError, systemCode } from '../base/errors.ts';
import { ADMIN_ANSWER_BYTES, ADMIN_ANSWER_MS } from '../base/limits.ts';
import { flagOf } from '../config/settings.ts';
import { ALIVE, READY } from './endpoints.ts';

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
  const place: Place = { address, name: formatAddress(address), flag: flagOf('adminAddr') };
  const { status, body } = await exchange(place, question, clock);
  if (status >= 200 && status < 300) return objectIn(body, place);
  throw refusalOf(place, { status, body });
}

/**
 * Resolves with what a daemon says of itself when that is good: `alive`, or `ready` to take work. Throws as {@link askAdmin};
 * `notAllowed` says why it is not ready.
 */
export async function askHealth(
  address: Address,
  path: '/healthz' | '/readyz',
  clock: Clock,
): Promise<string> {
  const place: Place = { address, name: formatAddress(address), flag: flagOf('healthAddr') };
  const { status, body } = await exchange(place, { method: 'GET', path }, clock);
  if (status !== 200) throw refusalOf(place, { status, body });
  const said = body.trim();
  // Many servers answer 200 to whatever they are asked.
  if (said !== (path === '/healthz' ? ALIVE : READY)) throw notOurs(place);
  return said;
}

interface Place {
  readonly address: Address;
  /** For errors. */
  readonly name: string;
  /** The setting that says where it is. */
  readonly flag: string;
}

interface Reply {
  readonly status: number;
  readonly body: string;
}

function exchange(place: Place, { method, path }: Question, clock: Clock): Promise<Reply> {
  const { host, port } = place.address;
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const asked: ClientRequest = send({ host, port, method, path, agent: false }, (response) =>
    read(response, place).then(resolve, reject),
  );
  const timer = clock.after(ADMIN_ANSWER_MS, () => {
    reject(new BeaconError('timeout', `${place.name} did not answer within ${ADMIN_ANSWER_MS / 1_000} s`));
    asked.destroy();
  });
  asked.once('error', (cause) => reject(nobodyAt(place, cause)));
  asked.end();
  return promise.finally(() => timer.cancel());
}

async function read(response: IncomingMessage, place: Place): Promise<Reply> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > ADMIN_ANSWER_BYTES) throw notOurs(place);
    }
  } catch (error) {
    throw error instanceof BeaconError ? error : nobodyAt(place, error);
  }
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() };
}

function objectIn(body: string, place: Place): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Readonly<Record<string, unknown>>;
  } catch {
    // As below.
  }
  throw notOurs(place);
}

function refusalOf({ name }: Place, { status, body }: Reply): BeaconError {
  return new BeaconError('notAllowed', `${name} answered ${status}: ${body.trim().slice(0, 200)}`);
}

function nobodyAt({ name, flag }: Place, cause: unknown): BeaconError {
  const code = systemCode(cause);
  const why =
    code === 'ECONNREFUSED' ? 'nobody listens there' : `the connection failed (${code ?? 'no reason given'})`;
  return new BeaconError(
    'unreachable',
    `no daemon answers at ${name}: ${why}; is it running, and is this its ${flag}?`,
    { cause, retry: true },
  );
}

function notOurs({ name }: Place): BeaconError {
  return new BeaconError('malformed', `what answers at ${name} is no daemon of beacon`);
}
