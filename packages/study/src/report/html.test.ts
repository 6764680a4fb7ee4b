import { describe, expect, it } from 'vitest';
import { html, raw } from './html.ts';

describe('html', () => {
  it('escapes every value, so that no answer of a model becomes markup', () => {
    expect(html`<p title="${'"'}">${"<script>&'"}</p>`.html).toBe('<p title="&quot;">&lt;script&gt;&amp;&#39;</p>');
  });

  it('leaves markup built by itself, and lists of it, as they are', () => {
    expect(html`${[html`<i>${1}</i>`, raw('<b>2</b>')]}`.html).toBe('<i>1</i><b>2</b>');
  });
});
