import type { TableBlock } from '../document.ts';
import type { PaperTable } from '../paper-numbers.ts';

/** A table of the paper's own numbers. */
export function paperTable({ source, columns, rows }: PaperTable): TableBlock {
  return { kind: 'table', caption: `The paper’s own numbers. ${source}`, head: ['', ...columns], rows };
}
