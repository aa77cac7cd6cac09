/**
 * What makes a frame family: a table of numbers, senders and fields. Encoder and decoder are loops over it; beacon/1
 * (layouts.ts) and beacon-forward/1 (forward-layouts.ts) are two such tables.
 */
import type { Field } from './fields.ts';

/** What every frame of every family is: a type, and fields beside it. */
export interface AnyFrame {
  readonly type: string;
}

/** One frame of a family whose two senders are called `S`. */
export interface Layout<F extends AnyFrame, S extends string> {
  /** The type byte. */
  readonly number: number;
  readonly sender: S | 'both';
  /** In the order of the wire. */
  readonly fields: { readonly [K in Exclude<keyof F, 'type'>]: Field<F[K]> };
}

export type Layouts<F extends AnyFrame, S extends string> = {
  readonly [T in F['type']]: Layout<Extract<F, { type: T }>, S>;
};

/** A family as the encoder and the decoder use it. */
export interface FrameTable<F extends AnyFrame, S extends string> {
  readonly layouts: Layouts<F, S>;
  /** Types by their type byte. */
  readonly types: ReadonlyMap<number, F['type']>;
}

/** A family when it does not matter which: every {@link FrameTable} is one. */
export interface AnyTable {
  readonly layouts: Readonly<Record<string, AnyLayout>>;
  readonly types: ReadonlyMap<number, string>;
}

export interface AnyLayout {
  readonly number: number;
  readonly sender: string;
  readonly fields: Readonly<Record<string, Field<unknown>>>;
}

/** Types from here on may be skipped by whoever does not know them; other unknown types are malformed. */
export const FIRST_SKIPPED_TYPE = 0x80;

export function frameTable<F extends AnyFrame, S extends string>(layouts: Layouts<F, S>): FrameTable<F, S> {
  const entries = Object.entries<AnyLayout>(layouts) as [F['type'], AnyLayout][];
  return { layouts, types: new Map(entries.map(([type, { number }]) => [number, type])) };
}

/** The name of a frame as the specifications, errors and logs write it. */
export function frameName(type: string): string {
  return type.toUpperCase();
}

/** `a client`, `an origin`. */
export function oneSender(sender: string): string {
  return `${/^[aeiou]/.test(sender) ? 'an' : 'a'} ${sender}`;
}
