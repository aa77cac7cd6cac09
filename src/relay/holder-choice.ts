/** Which holder a broker is forwarded to. Pure. */
import { ENTRY_INSTANCES } from '../base/limits.ts';
import { integerBelow, type Random } from '../base/random.ts';
import type { Holder } from '../cluster/directory/effects.ts';
import { type Choice, fits } from './lot.ts';

/** Whether a bridge that the broker takes may be parked there. A full list may leave instances out. */
export function mayServe(holder: Holder, choice: Choice): boolean {
  return (
    holder.instances.length >= ENTRY_INSTANCES || holder.instances.some((instance) => fits(instance, choice))
  );
}

/**
 * One of `holders`: of those in `zone` if there are any, the less loaded of two drawn at random. The least loaded of
 * all would get every broker of the second until its next heartbeat.
 */
export function chooseHolder(holders: readonly Holder[], zone: string, random: Random): Holder | undefined {
  const near = holders.filter((holder) => zone !== '' && holder.zone === zone);
  const from = near.length > 0 ? near : holders;
  const one = from[integerBelow(random, Math.max(1, from.length))];
  const other = from[integerBelow(random, Math.max(1, from.length))];
  return one && other && other.load < one.load ? other : one;
}
