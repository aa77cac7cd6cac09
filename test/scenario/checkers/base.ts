/** Everything is given back: at the end no process holds more than it held in the beginning. */
import type { Checker } from '../checker.ts';

export const checkBase: Checker = (history) =>
  history.flatMap((event) => {
    if (event.what !== 'held' || event.value <= event.base) return [];
    const { at, of, value, base, ms } = event;
    return [{ checker: 'base', ms, text: `${at} still holds ${value} ${of} where ${base} are its base` }];
  });
