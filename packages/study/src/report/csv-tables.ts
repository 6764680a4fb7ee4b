import type { StudyResults } from './results.ts';

/** The results as tables (RFC 4180), by file name. */
export function csvTables(results: StudyResults): Record<string, string> {
  return {
    'scores.csv': table(scoreColumns, scoreRows(results)),
    'comparisons.csv': table(
      [
        'family',
        'a',
        'b',
        'measure',
        'difference',
        'low',
        'high',
        'pAdjusted',
        'pAlone',
        'correctedFor',
        'smallestShown',
        'seeds',
        'items',
        'verdict',
      ],
      [...results.comparisons, ...results.byTask, ...results.controls].map((row) => ({
        ...row,
        pAdjusted: row.pValue,
      })),
    ),
    'tokens.csv': table(
      [
        'model',
        'phase',
        'source',
        'plannedShare',
        'plannedTokens',
        'deliveredTokens',
        'truncatedTokens',
        'paddingTokens',
      ],
      results.models.flatMap(({ id, accounts }) => accounts.map((account) => ({ model: id, ...account }))),
    ),
    'phases.csv': table(['id', 'kind', 'hash', 'seconds', 'peakBytes'], results.phases),
    'curves.csv': table(['run', 'phase', 'tokens', 'loss', 'lr'], curveRows(results)),
  };
}

const scoreColumns = [
  'arm',
  'branchPoint',
  'seed',
  'suite',
  'task',
  'split',
  'type',
  'condition',
  'metric',
  'value',
  'low',
  'high',
  'n',
];

/** Every arm over its seeds (`seed` is `all`), by type of question too, then every model by itself. */
function scoreRows({ arms, models }: StudyResults): Record<string, unknown>[] {
  return [
    ...arms.flatMap(({ id, arm, scores }) =>
      scores.map((row) => ({ arm: id, branchPoint: arm?.branchPoint, seed: 'all', ...row })),
    ),
    ...models.flatMap(({ id, arm, seed, scores }) =>
      scores.map((row) => ({
        arm: id.slice(0, id.lastIndexOf('/seed-')),
        branchPoint: arm?.branchPoint,
        seed,
        ...row,
      })),
    ),
  ];
}

function curveRows({ mainCurves, models }: StudyResults): Record<string, unknown>[] {
  return [
    ...mainCurves.flatMap(({ seed, points }) =>
      points.map((point) => ({ run: `main/seed-${seed}`, phase: 'main', ...point })),
    ),
    ...models.flatMap(({ id, curves }) =>
      Object.entries(curves).flatMap(([phase, points]) => points.map((point) => ({ run: id, phase, ...point }))),
    ),
  ];
}

function table(columns: readonly string[], rows: readonly object[]): string {
  const lines = rows.map((row) => columns.map((column) => cell((row as Record<string, unknown>)[column])).join(','));
  return `${[columns.join(','), ...lines].join('\n')}\n`;
}

function cell(value: unknown): string {
  const text = value === undefined ? '' : String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
