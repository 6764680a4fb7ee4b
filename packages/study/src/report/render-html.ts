import type { Block, Cell, Figure, LegendEntry, ReportDocument, SampleCard, Section, TableBlock } from './document.ts';
import { type Html, html, raw } from './html.ts';
import { reportStyle } from './report-style.ts';

/** A report as one HTML page that needs nothing beside it. */
export function renderHtml(report: ReportDocument): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${report.title} · ${report.eyebrow}</title>
<style>${raw(reportStyle)}</style>
</head>
<body>
<a class="skip" href="#main">To the report</a>
<header>
<p class="eyebrow">${report.eyebrow}</p>
<h1>${report.title}</h1>
<p class="lead">${report.lead}</p>
</header>
<nav aria-label="Contents"><ol>${report.sections.map((section) => html`<li><a href="#${section.id}">${section.title}</a></li>`)}</ol></nav>
<main id="main" tabindex="-1">
${report.sections.map((section) => renderSection(section, 2))}
</main>
<footer>${report.footer.map(renderBlock)}</footer>
</body>
</html>
`.html;
}

function renderSection(section: Section, level: number): Html {
  const heading = `h${level}`;
  return html`<section id="${section.id}" aria-labelledby="${section.id}-title">
<${raw(heading)} id="${section.id}-title">${section.title}</${raw(heading)}>
${section.blocks.map(renderBlock)}${(section.sections ?? []).map((child) => renderSection(child, level + 1))}
</section>
`;
}

function renderBlock(block: Block): Html {
  switch (block.kind) {
    case 'paragraph':
      return block.isLead ? html`<p class="answer">${kept(block.text)}</p>` : html`<p>${kept(block.text)}</p>`;
    case 'list':
      return html`<ul>${block.items.map((item) => html`<li>${kept(item)}</li>`)}</ul>`;
    case 'table':
      return renderTable(block);
    case 'figure':
      return renderFigure(block.figure);
    case 'details':
      return html`<details><summary>${block.summary}</summary>${block.blocks.map(renderBlock)}</details>`;
    case 'code':
      return html`<pre tabindex="0" role="group" aria-label="${block.label}"><code>${block.text}</code></pre>`;
    case 'links':
      return html`<p>${block.links.map((link, i) => html`${i > 0 ? ' · ' : ''}<a href="${link.href}">${link.text}</a>`)}</p>`;
    case 'samples':
      return html`<div class="cards">${block.samples.map(renderSample)}</div>`;
  }
}

/** A table that scrolls by itself where the screen is too narrow, by keyboard too. */
function renderTable({ caption, head, rows }: TableBlock): Html {
  const body = rows.map(
    ([name = '', ...cells]) => html`<tr><th scope="row">${renderCell(name)}</th>${cells.map(tableCell)}</tr>`,
  );
  return html`<div class="scroll" tabindex="0" role="group" aria-label="${caption}"><table><caption>${caption}</caption><thead><tr>${head.map((text) => (text === '' ? html`<td></td>` : html`<th scope="col">${text}</th>`))}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function tableCell(cell: Cell): Html {
  const tone = typeof cell === 'string' ? undefined : cell.tone;
  return tone ? html`<td class="${tone}">${renderCell(cell)}</td>` : html`<td>${renderCell(cell)}</td>`;
}

function renderCell(cell: Cell): Html {
  if (typeof cell === 'string') return html`${cell}`;
  const note = cell.note ? html` <small>${cell.note}</small>` : html``;
  const below = cell.below ? html` <small class="below">${cell.below}</small>` : html``;
  return html`${cell.text}${note}${below}`;
}

function renderFigure(figure: Figure): Html {
  const panels = figure.panels.map(
    ({ title, svg }) =>
      html`<div class="panel"><p class="panel-title">${title}</p><div role="img" aria-label="${title}. The numbers are in the table below the figure.">${raw(svg)}</div></div>`,
  );
  return html`<figure id="${figure.id}"><p class="figure-title">${figure.title}</p>
${renderLegend(figure.legend)}<div class="panels">${panels}</div>
<figcaption>${kept(figure.caption)}</figcaption>
<details><summary>Numbers of this figure</summary>${renderTable(figure.data)}</details></figure>
`;
}

function renderLegend(legend: readonly LegendEntry[]): Html {
  if (legend.length < 2) return html``;
  return html`<ul class="legend">${legend.map(
    ({ label, colour, dash }) =>
      html`<li><svg width="26" height="10" aria-hidden="true"><path d="M1 5H25" stroke="${colour}" stroke-width="3" stroke-dasharray="${dash?.join(' ') ?? 'none'}"/></svg>${label}</li>`,
  )}</ul>`;
}

function renderSample(sample: SampleCard): Html {
  const further = sample.further
    ? html`<details><summary>The other arms</summary>${renderTable(sample.further)}</details>`
    : html``;
  const image = sample.image
    ? html`<img alt="Picture of item ${sample.id}; right answer: ${sample.expected}" src="data:image/png;base64,${sample.image}">`
    : html``;
  return html`<article class="card" aria-label="Item ${sample.id}">${image}<p class="question">${sample.question}</p><p class="expected">${sample.expected} <small>${sample.about}</small></p>${renderTable(sample.answers)}${further}</article>`;
}

/** Keeps a number and its per cent sign on one line. */
const kept = (text: string): string => text.replace(/(\d) %/g, '$1\u00a0%');
