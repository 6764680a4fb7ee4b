import type { StudyResults } from './results.ts';

const columns = ['suite', 'task', 'split', 'type', 'condition', 'metric', 'value', 'low', 'high', 'n'] as const;

/** Every score of every model as one table (RFC 4180). */
export function scoresCsv(results: StudyResults): string {
  const lines = results.models.flatMap((model) =>
    model.scores.map((row) =>
      [model.id, model.arm?.branchPoint ?? '', model.seed, ...columns.map((column) => row[column])].map(cell).join(','),
    ),
  );
  return `${['model', 'branchPoint', 'seed', ...columns].join(',')}\n${lines.join('\n')}\n`;
}

function cell(value: string | number): string {
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
