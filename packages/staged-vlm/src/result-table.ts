import type { ModelResult, ScoreRow, StudyResults } from '@vlm/study';
import { formatTable } from './format.ts';

/** The table of arms that a run ends with. */
export function resultTable(results: StudyResults): string {
  const columns: [string, (model: ModelResult) => string][] = [
    ['open VQA', (model) => interval(pick(model, 'open-vqa', 'image'))],
    ['no picture', (model) => plain(pick(model, 'open-vqa', 'no-image'))],
    ['wrong picture', (model) => plain(pick(model, 'open-vqa', 'wrong-image'))],
    ['existence', (model) => interval(pick(model, 'existence', 'image'))],
    ['grounding', (model) => plain(pick(model, 'grounding', 'image'))],
    ['caption F1', (model) => plain(pick(model, 'captioning', 'image', 'object-f1'))],
    ['bits/byte', (model) => pick(model, 'bits-per-byte', 'text', 'bits-per-byte')?.value.toFixed(3) ?? '–'],
  ];
  const rows = results.models.map((model) => [model.label, ...columns.map(([, cell]) => cell(model))]);
  const majority = results.models.find((model) => model.arm);
  if (majority) {
    rows.push([
      'majority answer',
      plain(pick(majority, 'open-vqa', 'majority')),
      '',
      '',
      plain(pick(majority, 'existence', 'majority')),
      plain(pick(majority, 'grounding', 'majority')),
      '',
      '',
    ]);
  }
  return `${formatTable([['images enter at', ...columns.map(([head]) => head)], ...rows])}\n\nPer cent on new scenes with 95 % intervals over items; bits per byte of held-out text (lower is better).`;
}

function pick(
  model: ModelResult,
  task: string,
  condition: ScoreRow['condition'],
  metric = 'accuracy',
): ScoreRow | undefined {
  return model.scores.find(
    (row) =>
      row.task === task &&
      row.condition === condition &&
      row.metric === metric &&
      row.type === 'all' &&
      (row.suite === 'text' || row.split === 'new-scene'),
  );
}

function plain(row: ScoreRow | undefined): string {
  return row ? (100 * row.value).toFixed(1) : '–';
}

function interval(row: ScoreRow | undefined): string {
  return row ? `${plain(row)} [${(100 * row.low).toFixed(1)}, ${(100 * row.high).toFixed(1)}]` : '–';
}
