import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { statusPage } from '../../../src/admin/status-page.ts';

const STATUS = { daemon: 'relay', ready: true, trouble: null, members: [{ node: 'b' }], legs: [] };

describe('the page', () => {
  it('shows facts, tables, and that a table is empty', () => {
    const { body, type } = statusPage(STATUS);
    expect(type).toBe('text/html; charset=utf-8');
    for (const part of [
      '<h1>beacon relay</h1>',
      '>ready<',
      '<th>node</th>',
      '<td>b</td>',
      '<h2>legs</h2><p>none</p>',
    ])
      expect(body).toContain(part);
  });

  it('says why it is not ready', () => {
    expect(statusPage({ ...STATUS, notReady: 'draining' }).body).toContain('>not ready: draining<');
  });

  it('says that somebody should look', () => {
    const { body } = statusPage({ ...STATUS, trouble: 'there is no tunnel' });
    expect(body).toContain('<p class="state bad">ready, but there is no tunnel</p>');
  });

  it('takes no name for HTML', () => {
    const evil = `<script>alert("1")</script>&'`;
    const { body } = statusPage({ ...STATUS, [evil]: evil, members: [{ [evil]: evil }] });
    expect(body).not.toContain('<script');
    expect(body).toContain('&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62;&#38;&#39;');
  });

  it('loads nothing: its policy allows its own style, by its hash, and nothing else', () => {
    const { body, headers } = statusPage(STATUS);
    const policy = headers?.['content-security-policy'] ?? '';
    const style = /<style>([\s\S]*)<\/style>/.exec(body)?.[1] ?? '';
    expect(policy).toContain(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
    expect(policy).toMatch(/^default-src 'none'; /);
    expect(body).not.toMatch(/src=|url\(|@import|<link|<script|<form|style="/);
    expect(body.match(/https?:/g)).toBeNull();
  });
});
