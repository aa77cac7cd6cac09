/**
 * What relays know of each other, and what is parked where, out of what they say of themselves: pure. No relay tells an info_hash,
 * but how many it holds, and how many it knows of each other one: so adverts of a relay are numbered here, and those that have a
 * number are the same for all. What changed between two looks at a relay changed at no known time: until it was looked at again,
 * whatever others know of it is right.
 */
import type { Event } from '../scenario/history.ts';
import type { Look } from './observer.ts';

interface Held {
  readonly ms: number;
  readonly count: number;
  readonly incarnation: number;
}

/** `parked`, `unparked` and `directory`. @param looks at relays, in the order of their times */
export function viewsOf(looks: readonly Look[], beganMs: number): Event[] {
  const held = new Map<string, Held[]>();
  for (const look of looks) {
    const { name, ms, status } = look;
    if (typeof status.incarnation !== 'number') continue;
    const own = held.get(name) ?? [];
    held.set(name, own);
    own.push({ ms: ms - beganMs, count: ownAdverts(look), incarnation: status.incarnation });
  }
  const directories = looks.flatMap((look) => directoryOf(look, look.ms - beganMs, held));
  return [...parksOf(held), ...directories];
}

function ownAdverts({ status: { directoryEntries = 0, members = [] } }: Look): number {
  return members.reduce((rest, { entries }) => rest - Number(entries ?? 0), directoryEntries);
}

function advert(index: number): string {
  return `advert-${index + 1}`;
}

function parksOf(held: ReadonlyMap<string, readonly Held[]>): Event[] {
  const events: Event[] = [];
  let park = 0;
  for (const [node, own] of held) {
    const open: number[] = [];
    for (const { ms, count } of own) {
      while (open.length > count) events.push({ what: 'unparked', park: open.pop() ?? 0, ms });
      while (open.length < count) {
        park += 1;
        events.push({
          what: 'parked',
          park,
          bridge: 'bridge',
          instance: 'unknown',
          infoHash: advert(open.length),
          node,
          ms,
        });
        open.push(park);
      }
    }
  }
  return events;
}

function directoryOf(look: Look, ms: number, held: ReadonlyMap<string, readonly Held[]>): Event[] {
  const { name: node, status } = look;
  if (typeof status.incarnation !== 'number') return [];
  const members: Record<string, number> = { [node]: status.incarnation };
  const counts = new Map([[node, ownAdverts(look)]]);
  for (const row of status.members ?? []) {
    const other = String(row['node']);
    if (typeof row['incarnation'] !== 'number') continue;
    members[other] = row['incarnation'];
    counts.set(other, knownOf(other, Number(row['entries'] ?? 0), ms, held));
  }
  const holders: Record<string, string[]> = {};
  for (const [holder, count] of [...counts].sort())
    for (let index = 0; index < count; index += 1)
      holders[advert(index)] = [...(holders[advert(index)] ?? []), holder];
  return [{ what: 'directory', node, members, holders, ms }];
}

/** What is known of `other`, or what it said last where it may have been right to think otherwise. */
function knownOf(
  other: string,
  known: number,
  ms: number,
  held: ReadonlyMap<string, readonly Held[]>,
): number {
  const own = held.get(other) ?? [];
  const before = own.findLast((each) => each.ms <= ms);
  const after = own.find((each) => each.ms > ms);
  const isSteady = before?.count === after?.count && before?.incarnation === after?.incarnation;
  return isSteady ? known : (before?.count ?? 0);
}

/** `parked` and `unparked`, as bridges say where they are parked. */
export function parksOfBridges(looks: readonly Look[], beganMs: number): Event[] {
  const parks = new Map<string, number>();
  let count = 0;
  return looks.flatMap(({ name: bridge, status, ms: atMs }) => {
    const ms = atMs - beganMs;
    const now = (status.parks ?? []).filter(({ parked }) => parked > 0).map(({ host }) => host);
    const left = [...parks].filter(
      ([key]) => key.startsWith(`${bridge}@`) && !now.includes(key.slice(bridge.length + 1)),
    );
    for (const [key] of left) parks.delete(key);
    const come = now.filter((node) => !parks.has(`${bridge}@${node}`));
    return [
      ...left.map(([, park]): Event => ({ what: 'unparked', park, ms })),
      ...come.map((node): Event => {
        count += 1;
        parks.set(`${bridge}@${node}`, count);
        return { what: 'parked', park: count, bridge, instance: bridge, infoHash: bridge, node, ms };
      }),
    ];
  });
}
