/** The keys of values.yaml as a table in Markdown: the comment above each says what it is. */
import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';

interface Row {
  readonly key: string;
  /** Undefined for a map that is taken apart. */
  readonly value: unknown;
  readonly text: string;
}

/** With a line for the head; ends with a line feed. Throws where a key has none. */
export function tableOf(yaml: string): string {
  const { contents } = parseDocument(yaml);
  if (!isMap(contents)) throw new Error('values.yaml is not a map');
  const rows = rowsOf(contents, '').map(({ key, value, text }) => {
    const shown = value === undefined ? '' : `\`${JSON.stringify(value)}\``;
    return `| \`${key}\` | ${shown} | ${text.replaceAll('|', '\\|')} |\n`;
  });
  return `| key | default | what |\n|---|---|---|\n${rows.join('')}`;
}

/** Maps whose keys have comments are taken apart; others are one value. A comment above the first key counts for the map as well. */
function rowsOf(map: YAMLMap, prefix: string): readonly Row[] {
  return (map.items as Pair[]).flatMap((pair, i) => {
    const { key, value } = pair;
    const name = isScalar(key) ? String(key.value) : '';
    const text = commentOf(pair, i === 0 ? map : undefined);
    const path = `${prefix}${name}`;
    if (isMap(value) && hasComments(value)) {
      const head = text === '' ? [] : [{ key: path, value: undefined, text }];
      return [...head, ...rowsOf(value, `${path}.`)];
    }
    if (text === '') throw new Error(`${path} has no comment in values.yaml`);
    const plain = isScalar(value) ? value.value : (value as YAMLMap).toJSON();
    return [{ key: path, value: plain, text }];
  });
}

function hasComments(map: YAMLMap): boolean {
  return (map.items as Pair[]).some((pair, i) => commentOf(pair, i === 0 ? map : undefined) !== '');
}

/** The last paragraph above the key. */
function commentOf({ key }: Pair, map: YAMLMap | undefined): string {
  const own = isScalar(key) ? key.commentBefore : undefined;
  const comment = (own ?? map?.commentBefore ?? '').split(/\n\s*\n/).at(-1) ?? '';
  return comment.replace(/\s+/g, ' ').trim();
}
