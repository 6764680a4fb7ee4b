import { isTold } from '../compare-arms.ts';
import type { Cell, TableBlock } from '../document.ts';
import { measureOf, signedDifference } from '../measures.ts';
import type { Comparison } from '../results.ts';

/** Differences with intervals, and the smallest one that would have been shown. */
export function comparisonTable(caption: string, rows: readonly Comparison[]): TableBlock {
  return {
    kind: 'table',
    caption,
    head: [
      'arms',
      'measure',
      'difference, 95 % interval',
      'p, adjusted',
      'smallest difference found in 4 of 5 studies',
      'seeds × items',
      'verdict',
    ],
    rows: rows.map((row): Cell[] => {
      const measure = measureOf(row.measure);
      return [
        `${row.a} less ${row.b}`,
        row.measure,
        differenceCell(row),
        pText(row),
        (measure.scale * row.smallestShown).toFixed(measure.digits),
        `${row.seeds} × ${row.items}`,
        verdictCell(row),
      ];
    }),
  };
}

/** One pair of arms by several measures, each beside what of it comes from looking. */
export function taskTable(
  caption: string,
  rows: readonly { row: Comparison; seen: Comparison | undefined }[],
): TableBlock {
  return {
    kind: 'table',
    caption,
    head: ['measure', 'difference, 95 % interval', 'p, adjusted', 'verdict', 'of it seen', 'p, adjusted', 'verdict'],
    rows: rows.map(({ row, seen }): Cell[] => [
      { text: row.measure, below: `${row.seeds} × ${row.items}` },
      differenceCell(row),
      pText(row),
      verdictCell(row),
      ...(seen ? [differenceCell(seen), pText(seen), verdictCell(seen)] : ['–', '–', '–']),
    ]),
  };
}

function differenceCell(row: Comparison): Cell {
  const show = (value: number): string => signedDifference(measureOf(row.measure), value);
  return { text: show(row.difference), note: `[${show(row.low)}, ${show(row.high)}]` };
}

const pText = ({ pValue }: Comparison): string => (pValue < 0.001 ? '< .001' : pValue.toFixed(3));

const verdictCell = (row: Comparison): Cell => (isTold(row) ? { text: row.verdict, tone: 'strong' } : row.verdict);
