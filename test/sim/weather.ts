/** What befalls gossip and heartbeats on their way, for all nodes alike: loss, doubles, and another order. */
import type { World } from './world.ts';

/** How long a message that is overtaken stays behind, at the most. */
const BEHIND_MS = 1_500;

export type WeatherKind = 'drop' | 'duplicate' | 'reorder';

export class Weather {
  readonly #world: World;
  readonly #shares: Record<WeatherKind, number> = { drop: 0, duplicate: 0, reorder: 0 };

  constructor(world: World) {
    this.#world = world;
  }

  /** `share` of messages, from now on; 0: none. */
  set(kind: WeatherKind, share: number): void {
    this.#shares[kind] = share;
  }

  /** Whether what comes twice is handed on twice. libp2p would see to it that it is not; the directory must not mind. */
  get doubles(): boolean {
    return this.#shares.duplicate > 0;
  }

  send(deliver: () => void): void {
    const { drop, duplicate, reorder } = this.#shares;
    if (drop + duplicate + reorder === 0) return deliver();
    const { random } = this.#world;
    if (random.fraction() < drop) return this.#world.reached('weather: lost');
    const later = random.fraction() < reorder;
    if (later) this.#world.after(random.fraction() * BEHIND_MS, deliver);
    else deliver();
    if (random.fraction() >= duplicate) return;
    this.#world.reached('weather: doubled');
    this.#world.after(random.fraction() * BEHIND_MS, deliver);
  }
}
