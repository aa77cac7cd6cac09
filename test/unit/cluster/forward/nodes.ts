/** Two nodes with real sockets on 127.0.0.1: a forward server whose relay the test plays, and forwarders that dial it. */
import { onTestFinished } from 'vitest';
import { type Clock, systemClock } from '../../../../src/base/clock.ts';
import { type Log, silentLog } from '../../../../src/base/log.ts';
import { Forwarder } from '../../../../src/cluster/forward/forwarder.ts';
import { ForwardServer, type ForwardServerOptions } from '../../../../src/cluster/forward/server.ts';
import type {
  ForwardFailure,
  ForwardRequest,
  IncomingForward,
  OutgoingForward,
} from '../../../../src/cluster/forward/types.ts';
import { forwardCredentials } from '../../../../src/cluster/forward-certificates.ts';
import type { Link } from '../../../../src/net/link.ts';
import { LINE_A, secretOf } from '../nodes.ts';
import { BRIDGE, REQUEST } from './ends.ts';

export const HOST = '127.0.0.1';

export interface HolderNode {
  readonly name: string;
  readonly port: number;
  readonly server: ForwardServer;
  /** `request`, `answer yes`, `answer no`, `gone`. */
  readonly told: string[];
  readonly requests: IncomingForward[];
  /** Links that were joined to a bridge. */
  readonly joined: Link[];
}

export interface HolderNodeOptions extends Partial<ForwardServerOptions> {
  readonly name?: string;
  readonly lines?: readonly string[];
  /** What the holder does with a request. Default: it is ready at once, and a bridge accepts at once. */
  readonly onRequest?: (incoming: IncomingForward) => void;
  /** Whether a bridge accepts at once. Default true. */
  readonly joins?: boolean;
}

/** Closed when the test ends. */
export async function holderNode(options: HolderNodeOptions = {}): Promise<HolderNode> {
  const { name = 'holder-0', lines = [LINE_A], onRequest, joins = true, ...rest } = options;
  const told: string[] = [];
  const requests: IncomingForward[] = [];
  const joined: Link[] = [];
  const server = new ForwardServer({
    host: HOST,
    port: 0,
    credentials: forwardCredentials(secretOf(...lines), name),
    clock: systemClock,
    log: silentLog,
    handler: {
      onRequest: (incoming) => {
        told.push('request');
        requests.push(incoming);
        if (onRequest) onRequest(incoming);
        else incoming.ready();
      },
      onAnswer: (incoming, yes) => {
        told.push(`answer ${yes ? 'yes' : 'no'}`);
        if (yes && joins) joined.push(incoming.join(BRIDGE));
      },
      onGone: () => told.push('gone'),
    },
    ...rest,
  });
  const { port } = await server.listen();
  onTestFinished(() => server.close());
  return { name, port, server, told, requests, joined };
}

export interface OriginNodeOptions {
  readonly name?: string;
  readonly lines?: readonly string[];
  readonly clock?: Clock;
  readonly log?: Log;
  /** Default: none, so that every forward dials. */
  readonly spares?: number;
}

/** Closed when the test ends. */
export function originNode({
  name = 'origin-0',
  lines = [LINE_A],
  clock,
  log,
  spares = 0,
}: OriginNodeOptions = {}): Forwarder {
  const forwarder = new Forwarder({
    credentials: forwardCredentials(secretOf(...lines), name),
    clock: clock ?? systemClock,
    log: log ?? silentLog,
    spares,
  });
  onTestFinished(() => forwarder.close());
  return forwarder;
}

export interface Asked {
  readonly outgoing: OutgoingForward;
  /** `queued`, `ready`, `joined`, `failed ...`. */
  readonly told: string[];
  /** The joined link, or why there is none. */
  readonly result: Promise<Link | ForwardFailure>;
}

export interface AskOptions {
  readonly request?: Partial<ForwardRequest>;
  /** Name that the origin means to reach. Default: that of the holder. */
  readonly node?: string;
  /** The answer to READY. Default: take. */
  readonly onReady?: (outgoing: OutgoingForward) => void;
}

/** Asks for one forward; its link is reset when the test ends. */
export function ask(
  from: Forwarder,
  to: { readonly name: string; readonly port: number },
  { request, node = to.name, onReady = (one) => one.take() }: AskOptions = {},
): Asked {
  const told: string[] = [];
  const { promise, resolve } = Promise.withResolvers<Link | ForwardFailure>();
  const outgoing = from.forward(
    { ...REQUEST, ...request },
    { node, address: { host: HOST, port: to.port } },
    {
      onQueued: () => void told.push('queued'),
      onReady: () => {
        told.push('ready');
        onReady(outgoing);
      },
      onJoined: (link, bridge) => {
        told.push(`joined ${bridge}`);
        onTestFinished(() => link.reset());
        resolve(link);
      },
      onFailed: (failure) => {
        told.push(`failed ${failure.kind}`);
        resolve(failure);
      },
    },
  );
  return { outgoing, told, result: promise };
}

export function linkOf(result: Link | ForwardFailure): Link {
  if ('stream' in result) return result;
  throw new Error(`no link but ${result.kind}`);
}

/** `unreachable CODE`, `refused CODE`, `notHere 7 42`, or `joined`. */
export function textOf(result: Link | ForwardFailure): string {
  if ('stream' in result) return 'joined';
  switch (result.kind) {
    case 'notHere':
      return `notHere ${result.incarnation} ${result.sequence}`;
    case 'refused':
      return `refused ${result.code}`;
    case 'unreachable':
      return `unreachable ${result.error.code}`;
  }
}
