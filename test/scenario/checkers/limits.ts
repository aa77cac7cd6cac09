/** Limits hold at every instant: what is counted is never more than its limit, nor that than what is documented. */
import { MOST } from '../bounds.ts';
import type { Checker } from '../checker.ts';

export const checkLimits: Checker = (history) => {
  // Each once: a limit that is passed is passed many times.
  const told = new Set<string>();
  return history.flatMap((event) => {
    if (event.what !== 'level') return [];
    const { of, at, value, ms } = event;
    const most = Math.min(event.most, MOST[of] ?? event.most);
    if ((value <= most && value >= 0) || told.has(`${of} ${at}`)) return [];
    told.add(`${of} ${at}`);
    return [{ checker: 'limits', ms, text: `${at}: ${of} are ${value}, where ${most} are the most` }];
  });
};
