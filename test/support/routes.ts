/** Routes of a client, dialled by hand at any time. */
import { BeaconError } from '../../src/base/errors.ts';
import { type Route, Routes, type Wish } from '../../src/tunnel/routes.ts';

export const ANY: Wish = { need: 'any' };
export const DOWN = new BeaconError('unreachable', 'no route', { retry: true });
export const CUT = new BeaconError('closed', 'cut', { retry: true });

export function routesOf(count: number, fraction = 0.5): Routes {
  const addresses = Array.from({ length: count }, (_, index) => ({ host: 'relay.test', port: index + 1 }));
  return new Routes(addresses, { fraction: () => fraction, bytes: (size) => Buffer.alloc(size) });
}

export function dial(routes: Routes, now: number, wish: Wish = ANY): Route | undefined {
  const choice = routes.next(now, wish);
  return choice.kind === 'dial' ? choice.route : undefined;
}

export function waitOf(routes: Routes, now: number, wish: Wish = ANY): number {
  const choice = routes.next(now, wish);
  return choice.kind === 'wait' ? choice.waitMs : 0;
}

/** Each route answers as the node of that name. */
export function answer(routes: Routes, ...nodes: string[]): void {
  for (const [index, node] of nodes.entries()) routes.answered(routes.all[index] as Route, node, 0);
}

export function refusal(code: 'avoided' | 'noBridge' | 'draining'): BeaconError {
  return new BeaconError(code, code, { retry: true });
}
