/**
 * Names of containers, asked of the engine's name service without the threads of Node: one that is down has no name, the answer to
 * that may take seconds, and those who ask for others meanwhile are not to wait behind it.
 */
import { Resolver } from 'node:dns';
import type { LookupFunction } from 'node:net';

/** The service is on this machine. */
const PATIENCE_MS = 1_000;
const resolver = new Resolver({ timeout: PATIENCE_MS, tries: 1 });

/** For sockets. */
export const lookUp: LookupFunction = (name, options, done) => {
  resolver.resolve4(name, (error, addresses) => {
    const all = addresses?.map((address) => ({ address, family: 4 })) ?? [];
    if (error || options.all) done(error, all);
    else done(null, all[0]?.address ?? '', 4);
  });
};
