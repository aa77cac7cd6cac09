/**
 * When to pull from one node. Pulls never run in a loop: the pause after each doubles until the node's digest has
 * matched, which ends the doubt that made us pull.
 */
import { PULL_PAGES, PULL_PAUSE_MAX_MS, PULL_PAUSE_MS, PULL_TIMEOUT_MS } from '../../base/limits.ts';

/** What a pull starts from: the changes that are missing, or everything, because what is known is wrong. */
export type PullFrom = 'gap' | 'start';

export class PullSchedule {
  #planned: { readonly at: number; readonly from: PullFrom } | undefined;
  #asked: { readonly after: number; readonly until: number; readonly page: number } | undefined;
  #pauseMs = PULL_PAUSE_MS;
  #notBefore = Number.NEGATIVE_INFINITY;

  /** The `after` of the request that is under way. */
  get asked(): number | undefined {
    return this.#asked?.after;
  }

  /** Wants a pull at `at`, or as soon after it as the pause allows. Nothing while one is under way. */
  plan(at: number, from: PullFrom): void {
    if (this.#asked) return;
    const planned = this.#planned;
    const start = Math.max(at, this.#notBefore);
    this.#planned = {
      at: planned ? Math.min(planned.at, start) : start,
      from: planned?.from === 'start' ? 'start' : from,
    };
  }

  /** The planned pull becomes a request, if it is due; returns its `after`. `known`: where a gap begins. */
  start(known: number, now: number): number | undefined {
    if (!this.#planned || this.#planned.at > now) return undefined;
    const after = this.#planned.from === 'start' ? 0 : known;
    this.#planned = undefined;
    this.#asked = { after, until: now + PULL_TIMEOUT_MS, page: 1 };
    return after;
  }

  /** Asks for the next page; false when the pull has gone on for long enough. */
  next(after: number, now: number): boolean {
    const page = (this.#asked?.page ?? 0) + 1;
    if (page > PULL_PAGES) return false;
    this.#asked = { after, until: now + PULL_TIMEOUT_MS, page };
    return true;
  }

  /** The pull is over, well or badly. */
  end(now: number): void {
    this.#asked = undefined;
    this.#notBefore = now + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, PULL_PAUSE_MAX_MS);
  }

  /** The digest matches: nothing is missing. */
  settle(): void {
    this.#planned = undefined;
    this.#pauseMs = PULL_PAUSE_MS;
  }

  overdue(now: number): boolean {
    return this.#asked !== undefined && this.#asked.until <= now;
  }

  deadline(): number | undefined {
    return this.#asked?.until ?? this.#planned?.at;
  }
}
