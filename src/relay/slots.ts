/**
 * Slots: a splice holds one on each node that it crosses. Who finds none free stands in line, first legs of a tunnel
 * before further ones, first come first served. Pure.
 *
 * A broker on its way to a holder holds no slot here, or two full nodes could wait for each other for ever
 * (docs/decisions/0024). It only counts as expected until the holder answers, so that one free slot does not set the
 * whole line in motion; and what is expected holds up nobody who can be served here.
 */
export interface InLine {
  /** A further leg of a tunnel that has one already. */
  readonly further: boolean;
  /** Lower for those who came earlier; each has its own. */
  readonly ticket: number;
}

/** What one in line needs a slot for: a park of this node, or the way to another one. */
export type Purpose = 'here' | 'away';

export class Slots<T extends InLine> {
  readonly #capacity: number;
  readonly #first = { here: new Line<T>(), away: new Line<T>() };
  readonly #further = { here: new Line<T>(), away: new Line<T>() };
  #used = 0;
  #expected = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get used(): number {
    return this.#used;
  }

  /** Those in line. */
  get waiting(): number {
    return this.#lines().reduce((sum, line) => sum + line.size, 0);
  }

  /** Whether a slot is free, as far as brokers in line leave one. */
  free(purpose: Purpose): boolean {
    return this.#used + (purpose === 'away' ? this.#expected : 0) < this.#capacity;
  }

  /** False when none is free. */
  take(): boolean {
    if (!this.free('here')) return false;
    this.#used += 1;
    return true;
  }

  release(): void {
    this.#used -= 1;
  }

  /** A broker set out for a holder (+1), or that one has answered (-1). */
  expect(change: 1 | -1): void {
    this.#expected += change;
  }

  enqueue(one: T, purpose: Purpose): void {
    (one.further ? this.#further : this.#first)[purpose].add(one);
  }

  leave(one: T): void {
    for (const line of this.#lines()) line.delete(one);
  }

  /** Takes the next one that may go out of the line, if there is one. */
  next(): T | undefined {
    for (const lines of [this.#first, this.#further]) {
      const here = this.free('here') ? lines.here.head() : undefined;
      const away = this.free('away') ? lines.away.head() : undefined;
      const one = here && away ? (here.ticket < away.ticket ? here : away) : (here ?? away);
      if (!one) continue;
      this.leave(one);
      return one;
    }
    return undefined;
  }

  #lines(): Line<T>[] {
    return [this.#first.here, this.#first.away, this.#further.here, this.#further.away];
  }
}

/** In order of tickets, cheaply: who comes back after its turn has a lower ticket than all who have not had theirs. */
class Line<T extends InLine> {
  readonly #back = new Set<T>();
  readonly #returned = new Set<T>();
  #highest = 0;

  get size(): number {
    return this.#back.size + this.#returned.size;
  }

  add(one: T): void {
    (one.ticket > this.#highest ? this.#back : this.#returned).add(one);
    this.#highest = Math.max(this.#highest, one.ticket);
  }

  delete(one: T): void {
    this.#back.delete(one);
    this.#returned.delete(one);
  }

  head(): T | undefined {
    let head: T | undefined;
    for (const one of this.#returned) if (!head || one.ticket < head.ticket) head = one;
    const [first] = this.#back;
    return head ?? first;
  }
}
