/** A history tells enough to be judged: all that the scenario says was done, and was looked at. */
import type { Checker, Violation } from '../checker.ts';
import { factsOf } from './facts.ts';

export const checkComplete: Checker = (history, scenario) => {
  const facts = factsOf(history, scenario);
  const missing: string[] = [];
  if (facts.calmMs > scenario.untilMs) missing.push('calm never came');
  const opened = new Set(history.flatMap((event) => (event.what === 'opened' ? [event.stream] : [])));
  for (const { stream, broker, atMs } of scenario.streams)
    if (!opened.has(stream) && !facts.ended(`broker-${broker}`, atMs, atMs))
      missing.push(`stream ${stream} was never opened`);
  const happened = new Set(
    history.flatMap((event) => (event.what === 'fault' && event.on ? [event.fault] : [])),
  );
  scenario.faults.forEach(({ kind }, fault) => {
    if (!happened.has(fault)) missing.push(`fault ${fault}, ${kind}, never happened`);
  });
  const seen = new Set(
    history.flatMap((event) => (event.what === 'directory' && event.ms > facts.calmMs ? [event.node] : [])),
  );
  const weighed = new Set(history.flatMap((event) => (event.what === 'held' ? [event.at] : [])));
  for (const relay of facts.relays) {
    if (!seen.has(relay)) missing.push(`the directory of ${relay} was not looked at in the calm`);
    if (!weighed.has(relay)) missing.push(`nobody looked at what ${relay} still held`);
  }
  if (!history.some(({ what }) => what === 'level')) missing.push('no level was looked at');
  if (!history.some((event) => event.what === 'end' && event.side === 'client'))
    missing.push('not one stream came to a clean end');
  return missing.map((text): Violation => ({ checker: 'complete', ms: facts.endMs, text }));
};
