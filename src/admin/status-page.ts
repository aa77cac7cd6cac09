/** The status as a page: one file without a script, and nothing from elsewhere. */
import { createHash } from 'node:crypto';
import type { Answer } from './exchange.ts';
import { inWords, type Status, type Table } from './status.ts';

const STYLE = `
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin-bottom: 0; }
h2 { font-size: 1rem; margin: 2rem 0 .3rem; }
.state { margin: 0 0 1.5rem; }
.good { color: #16702f; } .bad { color: #b3261e; }
@media (prefers-color-scheme: dark) { .good { color: #6fd08c; } .bad { color: #ff8a80; } }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.5rem; margin: 0; }
dt { opacity: .7; } dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .2rem 1.5rem .2rem 0; border-bottom: 1px solid #8884; white-space: nowrap; }
th { font-weight: normal; opacity: .7; }
footer { margin-top: 2.5rem; opacity: .7; }
`;
/** Of this style and nothing else: no script, picture, frame or form, from wherever. */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** A page that a browser loads again every 5 s. */
export function statusPage(status: Status): Answer {
  const { facts, tables } = inWords(status);
  const title = `beacon ${escaped(String(status['daemon'] ?? ''))}`;
  const body = [
    `<h1>${title}</h1>`,
    stateHtml(status),
    `<dl>${facts.map(([name, value]) => `<dt>${escaped(name)}</dt><dd>${escaped(value)}</dd>`).join('')}</dl>`,
    ...tables.map(tableHtml),
    '<footer>Loads again every 5 s. The same as JSON: <a href="/status">/status</a>.</footer>',
  ];
  const head = `<meta charset="utf-8"><meta http-equiv="refresh" content="5"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${STYLE}</style>`;
  return {
    status: 200,
    type: 'text/html; charset=utf-8',
    headers: {
      'content-security-policy': POLICY,
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
    },
    body: `<!doctype html><html lang="en"><head>${head}</head><body>${body.join('\n')}</body></html>\n`,
  };
}

function stateHtml({ notReady, trouble }: Status): string {
  if (notReady !== undefined) return `<p class="state bad">not ready: ${escaped(String(notReady))}</p>`;
  if (trouble) return `<p class="state bad">ready, but ${escaped(String(trouble))}</p>`;
  return '<p class="state good">ready</p>';
}

function tableHtml({ title, columns, rows }: Table): string {
  const cells = (tag: 'th' | 'td', texts: readonly string[]): string =>
    `<tr>${texts.map((each) => `<${tag}>${escaped(each)}</${tag}>`).join('')}</tr>`;
  const inside =
    rows.length === 0
      ? '<p>none</p>'
      : `<div class="wide"><table>${cells('th', columns)}${rows.map((row) => cells('td', row)).join('')}</table></div>`;
  return `<h2>${escaped(title)}</h2>${inside}`;
}

/** Names come from other nodes, so nothing is taken as harmless. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
