/**
 * Streams outlive relays and the network: one fails only where an end of it broke it off, where its broker or the bridge that
 * served it ended, or where its client waited in vain for a tunnel that nobody could have built.
 */
import { SERVED_AGAIN_MS, STREAM_WAIT_MS } from '../bounds.ts';
import type { Checker } from '../checker.ts';
import type { Event, History, StreamId } from '../history.ts';
import { type Facts, factsOf } from './facts.ts';

type Of<What extends Event['what']> = Extract<Event, { what: What }>;

/** A stream may reach a bridge that is leaving, or a broker may not have heard yet that it left. */
const RACE_MS = 1_000;

export const checkSurvival: Checker = (history, scenario) => {
  const facts = factsOf(history, scenario);
  const opened = byStream(history, 'opened');
  const served = byStream(history, 'served');
  const aborted = byStream(history, 'aborted');
  return history.flatMap((event) => {
    if (event.what !== 'failed' || event.ms >= scenario.untilMs || aborted.has(event.stream)) return [];
    const begun = opened.get(event.stream);
    const by = served.get(event.stream);
    if (!begun || isExcused(facts, event.ms, begun, by)) return [];
    const where = by ? `served by ${by.bridge}` : 'never served';
    const text = `stream ${event.stream} of ${begun.broker}, opened at ${begun.ms} ms and ${where}, failed at its ${event.side} (${event.code}) for no reason that excuses it`;
    return [{ checker: 'survival', ms: event.ms, text }];
  });
};

function byStream<What extends 'opened' | 'served' | 'aborted'>(
  history: History,
  what: What,
): Map<StreamId, Of<What>> {
  const isOf = (event: Event): event is Of<What> => event.what === what;
  return new Map(history.filter(isOf).map((event) => [(event as { stream: StreamId }).stream, event]));
}

function isExcused(facts: Facts, ms: number, begun: Of<'opened'>, by: Of<'served'> | undefined): boolean {
  const { scenario } = facts;
  const plan = scenario.brokers[Number(begun.broker.split('-')[1])];
  const bridges = facts.clientsOf('bridges', plan?.ca ?? -1);
  if (by) {
    const fromMs = Math.max(0, begun.ms - RACE_MS);
    return [begun.broker, by.bridge].some((name) => facts.ended(name, fromMs, ms));
  }
  const fromMs = Math.max(0, ms - STREAM_WAIT_MS - SERVED_AGAIN_MS);
  const ends = [begun.broker, ...bridges];
  return (
    facts.disturbed([...ends, ...facts.relays], fromMs, ms) ||
    facts.changed(facts.relays, fromMs, ms) ||
    ends.some((name) => facts.ended(name, fromMs, ms))
  );
}
