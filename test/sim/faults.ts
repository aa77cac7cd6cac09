/** Faults as data become what befalls hosts and links of a run, and end. Several of a kind may last at the same time. */
import type { Fault, LinkFault, Place, ProcessFault } from '../scenario/faults.ts';
import type { Message } from './message.ts';
import type { SimNet } from './net.ts';
import type { Weather } from './weather.ts';

/** What a process of any kind can be done to. */
export interface Victim {
  kill(): void;
  /** A fault that ended it, or had it leave, is over. */
  release(): void;
  pause(): void;
  resume(): void;
  jumpWall(ms: number): void;
  drain?(): void;
  renew?(): void;
}

export interface FaultsOptions {
  readonly net: SimNet<Message>;
  readonly weather: Weather;
  readonly victims: ReadonlyMap<string, Victim>;
}

export class Faults {
  readonly #options: FaultsOptions;
  /** Faults that last, by what they act on. */
  readonly #lasting = new Map<string, number[]>();

  constructor(options: FaultsOptions) {
    this.#options = options;
  }

  begin(fault: Fault): void {
    if ('share' in fault) return this.#weather(fault, true);
    if ('place' in fault) return this.#beginAt(fault);
    const { from, to } = fault;
    if (fault.kind === 'reset') return this.#options.net.resetBetween(hostOf(from), hostOf(to));
    this.#link(fault, true);
  }

  /** Nothing, for what is over at once. */
  end(fault: Fault): void {
    if ('share' in fault) return this.#weather(fault, false);
    if ('place' in fault) return this.#endAt(fault);
    if (fault.kind !== 'reset') this.#link(fault, false);
  }

  #beginAt(fault: ProcessFault): void {
    const host = hostOf(fault.place);
    const victim = this.#options.victims.get(host);
    if (!victim) return;
    switch (fault.kind) {
      case 'kill':
        return victim.kill();
      case 'restart':
        victim.kill();
        return victim.release();
      case 'pause':
        if (this.#change(`${host} pause`, 1, true).length === 1) victim.pause();
        return;
      case 'drain':
        return victim.drain?.();
      case 'clockJump':
        return victim.jumpWall(fault.ms);
      case 'certificates':
        return victim.renew?.();
    }
  }

  #endAt(fault: ProcessFault): void {
    const host = hostOf(fault.place);
    const victim = this.#options.victims.get(host);
    if (fault.kind === 'kill' || fault.kind === 'drain') victim?.release();
    if (fault.kind === 'pause' && this.#change(`${host} pause`, 1, false).length === 0) victim?.resume();
  }

  #weather({ kind, share }: Extract<LinkFault, { share: number }>, on: boolean): void {
    this.#options.weather.set(kind, Math.max(0, ...this.#change(kind, share, on)));
  }

  #link(fault: Exclude<LinkFault, { kind: 'reset' } | { share: number }>, on: boolean): void {
    const [from, to] = [hostOf(fault.from), hostOf(fault.to)];
    const isOneWay = fault.kind === 'cut' && fault.oneWay;
    const ms = fault.kind === 'slow' ? fault.ms : 1;
    for (const [one, other] of isOneWay
      ? [[from, to] as const]
      : [[from, to] as const, [to, from] as const]) {
      const lasting = this.#change(`${fault.kind} ${one}>${other}`, ms, on);
      const trouble = this.#options.net.trouble(one, other);
      if (fault.kind === 'slow') trouble.slowMs = Math.max(0, ...lasting);
      else trouble[fault.kind] = lasting.length > 0;
    }
  }

  #change(key: string, value: number, on: boolean): readonly number[] {
    const lasting = this.#lasting.get(key) ?? [];
    this.#lasting.set(key, lasting);
    if (on) lasting.push(value);
    else lasting.splice(lasting.indexOf(value), 1);
    return lasting;
  }
}

/** The name that a place has in the history, and in the network. */
export function hostOf(place: Place): string {
  if ('relay' in place) return `relay-${place.relay}`;
  return 'bridge' in place ? `bridge-${place.bridge}` : `broker-${place.broker}`;
}
