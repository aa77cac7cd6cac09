/**
 * When a bridge tells which broker to get off a node that drains. At random times, as other bridges do the same; those
 * with a leg parked there first; and no more than the relays that are left admit of new parks, since each broker that
 * moves takes one. Pure.
 */
import {
  DRAINING_MEMORY_MS,
  LEAVE_AGAIN_MS,
  LEAVE_SPREAD_MS,
  LEAVES_PER_HOST,
  LEAVING_NODES,
  RATE_WINDOW_MS,
} from '../base/limits.ts';
import type { Random } from '../base/random.ts';

/** A session as far as its bridge knows where it goes: a leg's path is the node of its park. */
export interface Leaver {
  readonly legs: readonly { readonly path: readonly string[] }[];
}

export interface Leave<T> {
  readonly session: T;
  readonly node: string;
}

interface Leaving<T> {
  heardAt: number;
  /** When it was told, or is told once more, to those who were told before. */
  toldAt: number;
  /** Told, or in line for it. */
  readonly sessions: WeakSet<T & object>;
}

interface InLine<T> extends Leave<T> {
  readonly at: number;
}

export class LeavePlan<T extends Leaver> {
  readonly #random: Random;
  readonly #nodes = new Map<string, Leaving<T>>();
  /** The earliest first. */
  #line: InLine<T>[] = [];
  /** When brokers were told, in the last RATE_WINDOW_MS. */
  #told: number[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /** `node` drains, or says so again. Returns the sessions to tell once more now: they have been told before. */
  heard(node: string, sessions: readonly T[], now: number): readonly T[] {
    const known = this.#nodes.get(node);
    const isNews = !known || now - known.heardAt >= DRAINING_MEMORY_MS;
    const leaving = isNews ? this.#begin(node, now) : known;
    leaving.heardAt = now;
    if (!isNews && now - leaving.toldAt < LEAVE_AGAIN_MS) return [];
    leaving.toldAt = now;
    const waiting = new Set(this.#line.filter((each) => each.node === node).map(({ session }) => session));
    const again = sessions.filter((each) => leaving.sessions.has(each) && !waiting.has(each));
    for (const session of sessions) {
      if (leaving.sessions.has(session)) continue;
      leaving.sessions.add(session);
      this.#line.push({ session, node, at: now + this.#delay(session, node) });
    }
    this.#line.sort((one, other) => one.at - other.at);
    return again;
  }

  /** `node` takes parks again: it is another process. */
  back(node: string): void {
    if (this.#nodes.delete(node)) this.#line = this.#line.filter((each) => each.node !== node);
  }

  /** A session is over. */
  forget(session: T): void {
    this.#line = this.#line.filter((each) => each.session !== session);
  }

  /** Whom to tell at `now`, while `hosts` hosts of relays are left. Each comes once. */
  due(hosts: number, now: number): readonly Leave<T>[] {
    this.#told = this.#told.filter((at) => now - at < RATE_WINDOW_MS);
    const room = Math.max(0, budget(hosts) - this.#told.length);
    const ready = this.#line.filter(({ at }) => at <= now).length;
    const due = this.#line.splice(0, Math.min(ready, room));
    for (const _ of due) this.#told.push(now);
    return due;
  }

  /** When the next one is due, or undefined. Ask after {@link due}. */
  next(hosts: number): number | undefined {
    const [first] = this.#line;
    if (!first) return undefined;
    const full = this.#told.at(-budget(hosts));
    return full === undefined ? first.at : Math.max(first.at, full + RATE_WINDOW_MS);
  }

  #begin(node: string, now: number): Leaving<T> {
    this.back(node);
    const leaving: Leaving<T> = { heardAt: now, toldAt: now, sessions: new WeakSet() };
    this.#nodes.set(node, leaving);
    const [oldest] = this.#nodes.keys();
    if (this.#nodes.size > LEAVING_NODES && oldest !== undefined) this.back(oldest);
    return leaving;
  }

  /** In the first half who is parked there; in the second who may cross it at the broker's end. */
  #delay({ legs }: T, node: string): number {
    const isThere = legs.some(({ path }) => path.includes(node));
    return ((isThere ? 0 : 1) + this.#random.fraction()) * (LEAVE_SPREAD_MS / 2);
  }
}

function budget(hosts: number): number {
  return LEAVES_PER_HOST * Math.max(1, hosts);
}
