/** The directory as people see it, in `beacon status` and on the status page. */
import type { Advertiser } from './advertiser.ts';
import type { DirectorySnapshot, MemberStatus } from './effects.ts';
import type { Member } from './member.ts';

export function snapshotOf(
  node: string,
  own: Advertiser,
  all: readonly Member[],
  rest: Pick<DirectorySnapshot, 'remembered' | 'refusals' | 'doubts'> & { readonly now: number },
): DirectorySnapshot {
  const { now, remembered, refusals, doubts } = rest;
  const { journal, incarnation, draining } = own;
  const members = all.flatMap((member) => statusOf(member, now));
  return {
    node,
    incarnation: incarnation.value,
    sequence: journal.sequence,
    draining,
    ownEntries: journal.size,
    entries: members.reduce((sum, member) => sum + member.entries, journal.size),
    members,
    unheard: all.filter((member) => !member.view).map((member) => member.node),
    remembered,
    doubts: all.reduce((sum, { view }) => sum + (view?.doubts ?? 0), doubts),
    refusals,
  };
}

function statusOf({ node, view }: Member, now: number): MemberStatus[] {
  if (!view) return [];
  const { zone, incarnation, draining, load, forward, software } = view.heartbeat;
  const { sequence, size: entries, complete } = view;
  const heardMs = now - view.heardAt;
  return [
    { node, zone, incarnation, sequence, entries, complete, draining, load, forward, software, heardMs },
  ];
}
