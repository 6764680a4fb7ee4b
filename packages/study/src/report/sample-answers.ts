import type { EvalRow } from '@vlm/evals';
import { createRandom } from '@vlm/model';
import { readEvalItems, readPictures } from '../data/eval-items.ts';
import type { Study } from '../graph.ts';
import { corpusFolder } from '../phases/corpus.ts';
import type { Store } from '../store.ts';
import type { RowsOfArms } from './compare-arms.ts';
import type { SampleAnswer } from './results.ts';

/** Items drawn by the recipe's first seed, among those that every model was asked with their own picture, and all answers to them. */
export async function sampleAnswers(study: Study, store: Store, rowsOf: RowsOfArms): Promise<SampleAnswer[]> {
  const { recipe } = study;
  const [first] = [...rowsOf.values()].flatMap((bySeed) => [...bySeed.values()]);
  const asked = (first ?? []).filter((row) => row.condition === 'image');
  const random = createRandom(`samples/${recipe.seeds[0]}`);
  const chosen: EvalRow[] = [];
  while (chosen.length < Math.min(recipe.evaluate.sampleItems, asked.length)) {
    const row = asked[Math.floor(random.uniform() * asked.length)]!;
    if (!chosen.includes(row)) chosen.push(row);
  }
  const corpusPhase = study.phases.find((phase) => phase.kind === 'corpus')!;
  await store.fetch(corpusPhase);
  const corpus = corpusFolder(store.phaseDirectory(corpusPhase));
  const items = await readEvalItems(corpus);
  const ids = new Set(chosen.map((row) => row.id));
  const pictures = await readPictures(corpus, items.pictures, ids);
  const answers = answersById(rowsOf, ids);
  return chosen.map((row) => ({
    itemId: row.id,
    task: row.task,
    type: row.type,
    split: row.split,
    question: row.prompt,
    expected: row.expected,
    image: Buffer.from(pictures.get(row.id) ?? new Uint8Array()).toString('base64'),
    answers: answers.get(row.id) ?? [],
  }));
}

function answersById(rowsOf: RowsOfArms, ids: ReadonlySet<string>): Map<string, SampleAnswer['answers']> {
  const answers = new Map<string, SampleAnswer['answers']>();
  for (const [arm, bySeed] of rowsOf) {
    for (const [seed, rows] of bySeed) {
      for (const { id, condition, output, score } of rows) {
        if (condition !== 'image' || !ids.has(id)) continue;
        answers.set(id, [...(answers.get(id) ?? []), { arm, seed, output, score }]);
      }
    }
  }
  return answers;
}
