import { armModels } from './arm-models.ts';
import type { ModelResult, ScoreRow, StudyResults } from './results.ts';

/** The sentences at the top of a report, each made from the numbers below it and none stronger than its interval. */
export function findings(results: StudyResults): string[] {
  return [
    ...sightSentences(results),
    ...branchPointSentences(results),
    ...existenceSentences(results),
    ...textSentences(results),
  ];
}

/** What the data of this recipe cannot show, whatever the numbers say. */
export function limits(results: StudyResults): string[] {
  const { recipe } = results;
  const sentences = [
    'The default corpus is icon art on plain grounds and a few million words: absolute scores do not transfer to data from the web, and questions of world knowledge stay near chance. What can be compared is the order of arms at equal budgets, with intervals.',
    'Intervals vary the items asked. ' +
      (recipe.seeds.length === 1
        ? 'With one seed they leave out the noise of training itself, which the paper puts at .1 to .6 VQAv2 points and which is larger at this size: a difference between two arms is a hint, not a result, until it holds over seeds.'
        : `${recipe.seeds.length} seeds were trained; differences between arms are paired by seed.`),
    `The text run is ${(recipe.main.tokens / 1e6).toFixed(2)}M tokens long and phase 2 has ${Math.round((100 * recipe.branch.tokens) / recipe.main.tokens)} % of that; in the paper phase 2 has under 1 %. Branch points compare shares of a run, not amounts of text.`,
  ];
  if (recipe.arms.some((arm) => arm.schedule === 'rewarm') && recipe.arms.some((arm) => arm.schedule === 'continued')) {
    sentences.push(
      'As in the paper, the 0 % and 100 % arms warm up again and the others do not, so branch point and learning rate are confounded at the ends.',
    );
  }
  return sentences;
}

function sightSentences(results: StudyResults): string[] {
  const arms = armModels(results);
  const clear = arms.filter((model) => {
    const seen = score(model, 'open-vqa', 'image');
    const blind = [score(model, 'open-vqa', 'no-image'), score(model, 'open-vqa', 'wrong-image')];
    return seen && blind.every((row) => row && seen.low > row.high);
  });
  const seen = arms.map((model) => score(model, 'open-vqa', 'image')?.value ?? Number.NaN);
  const blind = arms.flatMap((model) => [
    score(model, 'open-vqa', 'no-image')?.value ?? Number.NaN,
    score(model, 'open-vqa', 'wrong-image')?.value ?? Number.NaN,
  ]);
  if (seen.length === 0 || seen.some(Number.isNaN)) return [];
  const range = (values: number[]): string =>
    `${(100 * Math.min(...values)).toFixed(1)} to ${(100 * Math.max(...values)).toFixed(1)} %`;
  return [
    `${clear.length === arms.length ? 'Every arm sees' : `${clear.length} of ${arms.length} arms see`}: on open questions about new scenes they score ${range(seen)} with the picture, and ${range(blind.filter((value) => !Number.isNaN(value)))} without it or with another item’s${clear.length === arms.length ? ', intervals apart in every arm' : ''}.`,
  ];
}

function branchPointSentences(results: StudyResults): string[] {
  const relevant = results.comparisons.filter((row) => row.measure === 'vision score');
  if (relevant.length === 0) return [];
  const told = relevant.filter((row) => !row.verdict.includes('cannot'));
  if (told.length === 0)
    return ['Between the branch points no difference of the vision score can be told on these items.'];
  return told.map(
    (row) =>
      `Vision score, ${row.a} against ${row.b}: ${row.verdict} (difference ${(100 * row.difference).toFixed(1)} points, 95 % interval ${(100 * row.low).toFixed(1)} to ${(100 * row.high).toFixed(1)}).`,
  );
}

function existenceSentences(results: StudyResults): string[] {
  const arms = armModels(results);
  const rows = arms
    .map((model) => score(model, 'existence', 'image'))
    .filter((row): row is ScoreRow => row !== undefined);
  if (rows.length === 0) return [];
  const above = rows.filter((row) => row.low > 0.5).length;
  const values = rows.map((row) => 100 * row.value);
  const range = `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)} %`;
  return above === rows.length
    ? [`Questions about whether something is there: ${range}, above chance (50 %) in every arm.`]
    : [
        `Questions about whether something is there: ${range}; ${above} of ${rows.length} arms stand clear of chance (50 %). Matching a word of the question with the picture is harder to learn than naming what is seen.`,
      ];
}

function textSentences(results: StudyResults): string[] {
  const untouched = results.models.find((model) => !model.arm);
  const before = untouched && score(untouched, 'bits-per-byte', 'text');
  const after = armModels(results)
    .map((model) => score(model, 'bits-per-byte', 'text')?.value)
    .filter((value): value is number => value !== undefined);
  if (!before || after.length === 0) return [];
  return [
    `Held-out text: ${before.value.toFixed(3)} bits per byte for the text model that never saw an image, ${Math.min(...after).toFixed(3)} to ${Math.max(...after).toFixed(3)} after images and fine-tuning.`,
  ];
}

function score(model: ModelResult, task: string, condition: ScoreRow['condition']): ScoreRow | undefined {
  const metric = task === 'bits-per-byte' ? 'bits-per-byte' : 'accuracy';
  return model.scores.find(
    (row) =>
      row.task === task &&
      row.condition === condition &&
      row.type === 'all' &&
      row.metric === metric &&
      (row.suite === 'text' || row.split === 'new-scene'),
  );
}
