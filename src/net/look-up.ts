/** Looks up every address of a host name. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

/** Whether `host` is a name: what is an address needs no look-up. */
export function isName(host: string): boolean {
  return isIP(host) === 0;
}

/**
 * The IP addresses of `host` in the order of the system's resolver, each once; none where it has none or the resolver
 * fails: who dials the name then learns why. The resolver's own time limit holds.
 */
export async function lookUp(host: string): Promise<readonly string[]> {
  try {
    const found = await lookup(host, { all: true, order: 'verbatim' });
    return [...new Set(found.map(({ address }) => address))];
  } catch {
    return [];
  }
}
