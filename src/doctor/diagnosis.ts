/** From single trials to what is wrong. Pure. */
import { remedyFor } from './remedies.ts';
import type { Examination, Failure, Finding, Skipped, Trial } from './types.ts';

export interface Trials extends Omit<Examination, 'findings'> {
  readonly expectRefused: boolean;
  readonly isListed: boolean;
}

const STRANGERS =
  'each is to have the others in --cluster-peer, by their --node-name, and the same line in --cluster-secret-file; port 7946 is to be open between them. Their logs say `a node joined` where it works';

type Failed = Trial & { readonly failure: Failure };

/** What a person is to know, the worst first. No failure among it: all works. */
export function diagnose(trials: Trials): readonly Finding[] {
  const findings = trials.expectRefused
    ? findingsOfRefusals(trials)
    : [...findingsOfRelays(trials), ...findingsOfPairs(trials), ...notes(trials)];
  const all = [...findings, ...warnings(trials)];
  const order = ['failure', 'warning', 'note'] as const;
  return order.flatMap((severity) => all.filter((finding) => finding.severity === severity));
}

export function isTrial(pair: Trial | Skipped): pair is Trial {
  return 'steps' in pair;
}

/** Failures of relays alone; the same failure at several of them is one finding. */
function findingsOfRelays({ alone, isListed }: Trials): readonly Finding[] {
  const failed = alone.filter(isFailed);
  const groups = Map.groupBy(failed, ({ failure }) => `${failure.step} ${failure.text}`);
  return [...groups.values()].flatMap((group): readonly Finding[] => {
    const [first] = group;
    if (!first) return [];
    const { failure } = first;
    const about = group.map(({ bridge }) => bridge);
    if (failure.isNoRoute && group.every((trial) => hasWorkingTwin(trial, alone))) {
      const text = 'this machine has no route to these addresses, and reaches the same name by another one';
      return [{ severity: 'warning', about, text, remedy: 'none, if clients here have no IPv6' }];
    }
    const remedy = [remedyFor(failure, { isListed }), commonCause(failure, group.length, alone)];
    return [
      {
        severity: 'failure',
        about,
        text: `${failure.step}: ${failure.text}`,
        remedy: remedy.filter((text) => text !== '').join('. '),
      },
    ];
  });
}

/** Whether another address of the same name works. */
function hasWorkingTwin({ bridge }: Trial, alone: readonly Trial[]): boolean {
  const nameOf = (text: string): string => text.split(' ')[0] ?? '';
  return alone.some((other) => !other.failure && nameOf(other.bridge) === nameOf(bridge));
}

/** Whether it is this machine or the relay, as far as the others tell. */
function commonCause({ step, code }: Failure, count: number, alone: readonly Trial[]): string {
  if (alone.length === 1) return '';
  const isAll = count === alone.length;
  const isReach = step === 'look-up' || step === 'TCP' || step === 'proxy';
  if (isReach && isAll) {
    return 'no relay is reached: look at the way out of this machine first (firewall, DNS, --proxy, HTTPS_PROXY)';
  }
  if (isReach && alone.some((trial) => reached(trial)))
    return 'others are reached from here: it is this relay, or the way to it';
  if (code === 'untrusted' && isAll) {
    return 'no relay is trusted: either --beacon-ca is not theirs, or a proxy on the way opens TLS';
  }
  if (code === 'untrusted' && alone.some(({ parkedAt }) => parkedAt))
    return 'others are trusted: this one has another certificate than they have';
  return '';
}

function reached({ failure }: Trial): boolean {
  return !failure || !['look-up', 'TCP', 'proxy'].includes(failure.step);
}

/** What fails between relays that both work alone. */
function findingsOfPairs({ alone, pairs, isListed }: Trials): readonly Finding[] {
  const failed = pairs.filter(isTrial).filter(isFailed);
  const strangers = failed.filter(({ failure }) => failure.code === 'noBridge');
  const cutOff = failed.filter(({ failure }) => failure.code === 'holderUnreachable');
  const others = failed.filter((trial) => !strangers.includes(trial) && !cutOff.includes(trial));
  const nodeOf = (name: string): string =>
    nodeText(
      alone.find(({ bridge }) => bridge === name),
      name,
    );
  const text = (knows: string): ((of: Failed) => string) => {
    return ({ broker, bridge }) => `${nodeOf(broker)} ${knows} ${nodeOf(bridge)}`;
  };
  const loners = findLoners(strangers, alone, pairs);
  const known = strangers.filter(
    ({ broker, bridge }) => !loners.includes(broker) && !loners.includes(bridge),
  );
  return [
    ...loners.map(
      (loner): Finding => ({
        severity: 'failure',
        about: [loner],
        text: `${nodeOf(loner)} works alone, and it and the other nodes do not know each other`,
        remedy: STRANGERS,
      }),
    ),
    ...together(known, text('does not know what is parked at'), (both) =>
      both
        ? `these nodes do not know each other: ${STRANGERS}`
        : 'adverts pass in one direction only: see that port 7946 is open both ways, and what the logs of the two say of each other',
    ),
    ...together(cutOff, text('knows and cannot reach'), () =>
      remedyFor({ code: 'holderUnreachable' }, { isListed }),
    ),
    ...others.map(
      ({ broker, bridge, failure }): Finding => ({
        severity: 'failure',
        about: [broker, bridge],
        text: `a broker at ${nodeOf(broker)} and a bridge at ${nodeOf(bridge)}: ${failure.step}: ${failure.text}`,
        remedy: remedyFor(failure, { isListed }),
      }),
    ),
  ];
}

/** Nodes that are strangers to all others, while some others know each other. */
function findLoners(
  strangers: readonly Failed[],
  alone: readonly Trial[],
  pairs: Trials['pairs'],
): readonly string[] {
  const works = pairs.filter((pair) => isTrial(pair) && !pair.failure);
  if (works.length === 0) return [];
  const has = (name: string, { broker, bridge }: Trial | Skipped): boolean =>
    broker === name || bridge === name;
  return alone
    .map(({ bridge }) => bridge)
    .filter((name) => {
      const own = pairs.filter((pair) => isTrial(pair) && has(name, pair));
      return own.length > 2 && own.length === strangers.filter((trial) => has(name, trial)).length;
    });
}

/** One finding for two nodes, whether one direction fails or both. */
function together(
  failed: readonly Failed[],
  textOf: (trial: Failed) => string,
  remedyOf: (bothWays: boolean) => string,
): readonly Finding[] {
  const byNodes = Map.groupBy(failed, ({ broker, bridge }) => [broker, bridge].toSorted().join(' '));
  return [...byNodes.values()].flatMap((group): readonly Finding[] => {
    const [first] = group;
    if (!first) return [];
    const about = [first.broker, first.bridge];
    const text = group.map(textOf).join(', and ');
    return [{ severity: 'failure', about, text, remedy: remedyOf(group.length > 1) }];
  });
}

/** Under an allow list a stranger's CA is refused everywhere. */
function findingsOfRefusals({ alone }: Trials): readonly Finding[] {
  const taken = alone.filter(({ failure }) => !failure).map(({ bridge }) => bridge);
  const wrong = alone.filter(isFailed).filter(({ failure }) => failure.code !== 'notAllowed');
  const refusing = alone.length - taken.length - wrong.length;
  return [
    ...(taken.length > 0
      ? [
          {
            severity: 'failure' as const,
            about: taken,
            text: 'it took a CA that nobody has listed: no allow list is in force',
            remedy: 'see that --allow-file is given to every relay; without it a relay serves anybody',
          },
        ]
      : []),
    ...findingsOfRelays({ alone: wrong, pairs: [], expectRefused: true, isListed: false }),
    {
      severity: 'warning',
      about: alone.map(({ bridge }) => bridge),
      text: `NO PAIR WAS TRIED: ${refusing} of ${alone.length} relays refused a CA that is not listed, as was expected, and that is all that is shown`,
      remedy: remedyFor({ code: 'notAllowed' }, { isListed: false }),
    },
  ];
}

function warnings({ alone }: Trials): readonly Finding[] {
  return alone.flatMap(({ bridge, steps }) =>
    steps
      .filter(({ isWarning }) => isWarning)
      .map(
        ({ name, text }): Finding => ({
          severity: 'warning',
          about: [bridge],
          text: `${name}: ${text}`,
          remedy: 'renew it: a relay with an expired certificate is refused by whoever dials it',
        }),
      ),
  );
}

/** What a person may take for tested, and is not. */
function notes({ alone }: Trials): readonly Finding[] {
  const byNode = Map.groupBy(
    alone.filter(({ parkedAt }) => parkedAt),
    ({ parkedAt }) => parkedAt?.node,
  );
  const same = [...byNode.entries()].filter(([, trials]) => trials.length > 1);
  const [only] = alone;
  return [
    ...same.map(
      ([node, trials]): Finding => ({
        severity: 'note',
        about: trials.map(({ bridge }) => bridge),
        text: `these addresses led to one node, ${node}: what is between nodes was not tried by them`,
        remedy: 'give each node by an address of its own',
      }),
    ),
    ...(alone.length === 1 && only && !only.failure && only.path?.length === 1
      ? [
          {
            severity: 'note' as const,
            about: [only.bridge],
            text: 'broker and bridge met at one node: what is between nodes was not tried',
            remedy: 'give the address of each node, separated by commas',
          },
        ]
      : []),
  ];
}

function isFailed(trial: Trial): trial is Failed {
  return trial.failure !== undefined;
}

function nodeText(trial: Trial | undefined, name: string): string {
  return trial?.parkedAt ? `${trial.parkedAt.node} (${name})` : name;
}
