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
      const show = (value: number): string => signedDifference(measure, value);
      return [
        `${row.a} less ${row.b}`,
        row.measure,
        { text: show(row.difference), note: `[${show(row.low)}, ${show(row.high)}]` },
        row.pValue < 0.001 ? '< .001' : row.pValue.toFixed(3),
        (measure.scale * row.smallestShown).toFixed(measure.digits),
        `${row.seeds} × ${row.items}`,
        isTold(row) ? { text: row.verdict, tone: 'strong' } : row.verdict,
      ];
    }),
  };
}
