import { sweeps } from '../sweeps/index.ts';
import type { SweepName } from '../sweeps/names.ts';
import { armModels } from './arm-models.ts';
import { type Html, html } from './html.ts';
import { paperNumbers } from './paper-numbers.ts';
import type { ModelResult, ScoreRow, StudyResults } from './results.ts';

type Column = { head: string; scale: number; digits: number; is(row: ScoreRow): boolean };

const vision = (condition: ScoreRow['condition']) => (row: ScoreRow) =>
  row.task === 'vision score' && row.condition === condition;
const columns: readonly Column[] = [
  { head: 'vision score', scale: 100, digits: 1, is: vision('image') },
  { head: 'without the picture', scale: 100, digits: 1, is: vision('no-image') },
  { head: 'another item’s picture', scale: 100, digits: 1, is: vision('wrong-image') },
  {
    head: 'open questions, %',
    scale: 100,
    digits: 1,
    is: (row) =>
      row.task === 'open-vqa' && row.split === 'new-scene' && row.condition === 'image' && row.metric === 'accuracy',
  },
  {
    head: 'bits per byte',
    scale: 1,
    digits: 3,
    is: (row) => row.task === 'bits-per-byte' && row.condition === 'text',
  },
];

/** One section for each sweep of the recipe: its question, its arms with baselines, and the paper's numbers beside them. */
export function sweepSections(results: StudyResults): Html {
  return html`${(results.recipe.sweeps ?? []).map((name) => sweepSection(results, name))}`;
}

function sweepSection(results: StudyResults, name: SweepName): Html {
  const { question, answers, fixed, arms } = sweeps[name];
  const named = new Set(arms(results.recipe).map(({ id }) => id));
  const rows = armModels(results)
    .filter(({ arm }) => named.has(arm.id))
    .map(
      (model) =>
        html`<tr><th>${model.label}</th>${columns.map((column) => html`<td>${cell(model, column)}</td>`)}</tr>`,
    );
  return html`<h3 id="sweep-${name}">${name}: ${question}</h3><p>In the paper: ${answers}. Held fixed: ${fixed}.</p>
<table class="scores"><thead><tr><th>arm</th>${columns.map(({ head }) => html`<th>${head}</th>`)}</tr></thead><tbody>${rows}</tbody></table>${paperTable(name)}`;
}

function cell(model: ModelResult, { is, scale, digits }: Column): Html {
  const row = model.scores.find((candidate) => candidate.type === 'all' && is(candidate));
  if (!row) return html`<span class="none">–</span>`;
  const show = (value: number): string => (scale * value).toFixed(digits);
  return html`${show(row.value)} <small>[${show(row.low)}, ${show(row.high)}]</small>`;
}

function paperTable(name: SweepName): Html {
  const paper = paperNumbers[name];
  if (!paper) return html``;
  const rows = paper.rows.map(
    ([label, ...values]) => html`<tr><th>${label}</th>${values.map((value) => html`<td>${value}</td>`)}</tr>`,
  );
  return html`<p>The paper’s own (${paper.source}); other data and sizes, so the order can be compared and not the values.</p>
<table><thead><tr><th></th>${paper.columns.map((head) => html`<th>${head}</th>`)}</tr></thead><tbody>${rows}</tbody></table>`;
}
