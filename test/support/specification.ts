/** Reads the tables and examples of PROTOCOL.md, FORWARD.md and TUNNEL.md, so that tests compare them with the source. */
import { readFileSync } from 'node:fs';
import { type AnyLayout, frameName } from '../../src/wire/table.ts';

/** A frame as its source says it. */
export interface SourceFrame extends AnyLayout {
  readonly name: string;
}

export function sourceFrames(layouts: Readonly<Record<string, AnyLayout>>): readonly SourceFrame[] {
  return Object.entries(layouts).map(([type, layout]) => ({ ...layout, name: frameName(type) }));
}

const hexByte = (number: number): string => `0x${number.toString(16).padStart(2, '0')}`;

/** One document of src/wire. */
export class Specification {
  /** Without the blanks that the formatter puts into tables. */
  readonly text: string;

  constructor(file: string) {
    const url = new URL(`../../src/wire/${file}`, import.meta.url);
    this.text = readFileSync(url, 'utf8').replaceAll(/ +\|/g, ' |');
  }

  /** What the pattern's groups match, once for each match. */
  groups(pattern: RegExp, text = this.text): string[][] {
    return [...text.matchAll(pattern)].map((match) => match.slice(1));
  }

  /** Rows `number, frame, sender` of the table of frames. */
  frameRows(): string[][] {
    return this.groups(/^\| `(0x[0-9a-f]{2})` \| ([A-Z]+) \| ([a-z]+) \|/gm);
  }

  /** `frame, number, sender` of the headings of frames. */
  frameHeadings(): string[][] {
    return this.groups(/^### ([A-Z]+) `(0x[0-9a-f]{2})` from ([a-z]+)$/gm);
  }

  /** Rows `field, layout` of one frame. */
  fieldRows(frame: string): string[][] {
    return this.groups(/^\| `(\w+)` \| `([^`]+)` \| \S/gm, this.#section(frame));
  }

  /** The example bytes of one frame: the label of each block and its hex digits. */
  examples(frame: string): { readonly label: string; readonly digits: string }[] {
    return this.groups(/^```hex ([A-Z]+)\n([^`]+)^```$/gm, this.#section(frame)).map(
      ([label = '', block = '']) => ({ label, digits: block.replaceAll(/;.*$/gm, '').replaceAll(/\s/g, '') }),
    );
  }

  /** Name and value of each limit it states. */
  limits(): [string, number][] {
    const rows = this.groups(
      /^\| .* \| `([A-Z_]+)` \| ([\d,]+) (?:bytes|ms|instances|nodes|certificates) \|$/gm,
    );
    return rows.map(([name = '', value = '']) => [name, Number(value.replaceAll(',', ''))]);
  }

  /** The ALPN name, and its bytes in hex, as they are spelled. */
  alpn(): string[] {
    return this.groups(/ALPN protocol name `([^`]+)` \([^`]*`([0-9a-f ]+)`\)/g)[0] ?? [];
  }

  /** The section of one frame, by its heading. */
  #section(frame: string): string {
    return this.text.split(/^(?=#{2,3} )/m).find((part) => part.startsWith(`### ${frame} `)) ?? '';
  }
}

/** The row of the table of frames that a document must have. */
export function tableRow({ number, name, sender }: SourceFrame): string[] {
  return [hexByte(number), name, sender];
}

/** `61 62` of `ab`. */
export function spelled(text: string): string {
  return Buffer.from(text)
    .toString('hex')
    .replaceAll(/(..)(?=.)/g, '$1 ');
}
