/** What a process says of itself to people: facts, and tables of what it has several of. */

export type Fact = string | number | boolean | null;
export type Row = Readonly<Record<string, Fact>>;
/** Keys are words in camel case; people read them with spaces. No address, no info_hash. */
export type Status = Readonly<Record<string, Fact | readonly Row[]>>;

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** `status` as words for a screen: facts as pairs, and tables. */
export function inWords(status: Status): {
  readonly facts: readonly (readonly [string, string])[];
  readonly tables: readonly Table[];
} {
  const entries = Object.entries(status);
  return {
    facts: entries.flatMap(([key, value]) => (isRows(value) ? [] : [[words(key), text(value)] as const])),
    tables: entries.flatMap(([key, value]) => (isRows(value) ? [tableOf(key, value)] : [])),
  };
}

function tableOf(key: string, rows: readonly Row[]): Table {
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return {
    title: words(key),
    columns: keys.map(words),
    rows: rows.map((row) => keys.map((each) => text(row[each] ?? null))),
  };
}

function isRows(value: Fact | readonly Row[]): value is readonly Row[] {
  return Array.isArray(value);
}

/** `heardMs` -> `heard ms` */
function words(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function text(fact: Fact): string {
  if (fact === null || fact === '') return '-';
  if (typeof fact === 'boolean') return fact ? 'yes' : 'no';
  return typeof fact === 'number' && !Number.isInteger(fact) ? fact.toFixed(1) : String(fact);
}
