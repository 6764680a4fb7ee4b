/** Text that is already HTML. */
export interface Html {
  readonly html: string;
}

/** Marks text as HTML that needs no escaping (SVG drawn by us, markup built by `html`). */
export function raw(text: string): Html {
  return { html: text };
}

/**
 * HTML from a template; every value that is not itself `Html` is escaped, so no answer of a model can become markup.
 *
 * @example html`<b>${'1 < 2'}</b>`.html // '<b>1 &lt; 2</b>'
 */
export function html(
  strings: TemplateStringsArray,
  ...values: readonly (Html | string | number | readonly Html[])[]
): Html {
  let text = strings[0]!;
  values.forEach((value, i) => {
    text += render(value) + strings[i + 1]!;
  });
  return raw(text);
}

function render(value: Html | string | number | readonly Html[]): string {
  if (typeof value === 'string') return escapeHtml(value);
  if (typeof value === 'number') return String(value);
  if ('html' in value) return value.html;
  return value.map((item) => item.html).join('');
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
