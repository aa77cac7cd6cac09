/**
 * Who may reach the administration: processes of this machine, and no page that a browser on it happens to show. Pages of
 * strangers get at loopback by a name of their own that leads there (DNS rebinding), which the Host header tells, or by a
 * form that posts there, which Origin and Sec-Fetch-Site tell.
 */
import { isLoopback, parseAddress } from '../base/address.ts';
import type { Answer, Endpoint, Request } from './exchange.ts';
import { line } from './exchange.ts';

/** `endpoint`, for those who may. */
export function guarded(endpoint: Endpoint): Endpoint {
  return (request) => refusal(request) ?? endpoint(request);
}

function refusal({ host, origin, fetchSite, peer }: Request): Answer | undefined {
  // Some kernels route packets from outside to loopback (route_localnet).
  if (!isLoopback(peer)) return line(403, 'only processes of this machine may ask this');
  if (host === undefined || !namesLoopback(host))
    return line(403, 'the Host header must name loopback, such as 127.0.0.1 or localhost');
  const isForeign = origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`;
  const isCross = fetchSite !== undefined && fetchSite !== 'same-origin' && fetchSite !== 'none';
  if (isForeign || isCross) return line(403, 'a page of another site may not ask this');
  return undefined;
}

function namesLoopback(host: string): boolean {
  try {
    return isLoopback(parseAddress(host, { defaultPort: 80 }).host);
  } catch {
    return false;
  }
}
