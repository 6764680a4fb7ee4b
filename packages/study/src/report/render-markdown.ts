import type { Block, Cell, Figure, ReportDocument, SampleCard, Section, TableBlock } from './document.ts';

/** Where a report in Markdown finds its pictures, relative to itself. */
export const figurePath = (figure: Pick<Figure, 'id'>, panel: number): string =>
  `figures/${figure.id}-${panel + 1}.svg`;
export const samplePath = (sample: Pick<SampleCard, 'id'>): string =>
  `samples/${sample.id.replace(/[^A-Za-z0-9._-]/g, '-')}.png`;

/** The same report as GitHub-flavoured Markdown, with figures and sample pictures as files beside it. */
export function renderMarkdown(report: ReportDocument): string {
  const parts = [
    `# ${escapeText(report.title)}`,
    `_${escapeText(report.eyebrow)}_`,
    escapeText(report.lead),
    ...report.sections.map((section) => renderSection(section, 2)),
    '---',
    ...report.footer.map(renderBlock),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function renderSection(section: Section, level: number): string {
  return [
    `${'#'.repeat(level)} ${escapeText(section.title)}`,
    ...section.blocks.map(renderBlock),
    ...(section.sections ?? []).map((child) => renderSection(child, level + 1)),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function renderBlock(block: Block): string {
  switch (block.kind) {
    case 'paragraph':
      return block.isLead ? `**${escapeText(block.text)}**` : escapeText(block.text);
    case 'list':
      return block.items.map((item) => `- ${escapeText(item)}`).join('\n');
    case 'table':
      return renderTable(block);
    case 'figure':
      return renderFigure(block.figure);
    case 'details':
      return `<details><summary>${escapeText(block.summary)}</summary>\n\n${block.blocks.map(renderBlock).join('\n\n')}\n\n</details>`;
    case 'code':
      return `\`\`\`\n${block.text}\n\`\`\``;
    case 'links':
      return block.links.map(({ href, text }) => `[${escapeText(text)}](${href})`).join(' · ');
    case 'samples':
      return block.samples.map(renderSample).join('\n\n');
  }
}

function renderTable({ caption, head, rows }: TableBlock): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    `_${escapeText(caption)}_`,
    '',
    line(head.map(escapeText)),
    line(head.map(() => '---')),
    ...rows.map((row) => line(row.map(renderCell))),
  ].join('\n');
}

function renderCell(cell: Cell): string {
  if (typeof cell === 'string') return escapeText(cell);
  return escapeText([cell.text, cell.note, cell.below].filter(Boolean).join(' '));
}

function renderFigure(figure: Figure): string {
  const images = figure.panels.map(({ title }, i) => `![${escapeText(title)}](${figurePath(figure, i)})`).join('\n');
  const legend = figure.legend.length < 2 ? '' : ` Series: ${figure.legend.map(({ label }) => label).join(', ')}.`;
  return `**${escapeText(figure.title)}**\n\n${images}\n\n${escapeText(figure.caption + legend)}`;
}

function renderSample(sample: SampleCard): string {
  const image = sample.image
    ? `<img src="${samplePath(sample)}" width="160" alt="${escapeText(sample.expected)}">\n\n`
    : '';
  return `${image}**${escapeText(sample.question)}** ${escapeText(sample.expected)} (${escapeText(sample.about)})\n\n${renderTable(sample.answers)}`;
}

/** No answer of a model becomes markup, and no cell breaks its table. */
function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replace(/[\\`*_[\]|#]/g, '\\$&')
    .replaceAll(/\s*\n\s*/g, ' ');
}
