import type { EvalRow } from '@vlm/evals';
import { createRandom } from '@vlm/model';
import { expandStudy } from '../graph.ts';
import { identityOf } from '../identity.ts';
import { planStudy } from '../plan.ts';
import type { Arm, Recipe } from '../recipe.ts';
import { armScores } from '../report/arm-scores.ts';
import { compareArms, compareByTask } from '../report/compare-arms.ts';
import { controlComparisons } from '../report/controls.ts';
import type { StudyResults } from '../report/results.ts';
import { scoreRows } from '../report/score-rows.ts';

/** How good a made-up model is at questions with its picture, 0 to 1. */
export type Skill = (arm: Arm, seed: number) => number;

const items = 60;
/** Enough that the smallest p survives the correction for a dozen comparisons. */
const resamples = 1000;
const scoreResamples = 100;

/**
 * Results of a study that nobody trained: every model answers at random, right as often as its skill says, and everything behind the answers
 * (scores, intervals, comparisons, controls) is computed as for a real one.
 */
export function madeUpResults(input: Recipe, skill: Skill): StudyResults {
  const small: Recipe = { ...input, evaluate: { ...input.evaluate, bootstrapSamples: resamples } };
  const study = expandStudy(small);
  const { recipe } = study;
  const rowsOf = new Map(
    recipe.arms.map((arm) => [
      arm.id,
      new Map(recipe.seeds.map((seed) => [seed, answers(`${arm.id}/${seed}`, skill(arm, seed))])),
    ]),
  );
  const { all, naive } = planStudy(study, { concurrency: 1 });
  const scoresOf = new Map(
    recipe.arms.map(({ id }) => [
      id,
      new Map(
        [...rowsOf.get(id)!].map(([seed, rows]) => [
          seed,
          scoreRows(rows, { seed: `${seed}`, resamples: scoreResamples }),
        ]),
      ),
    ]),
  );
  return {
    version: 2,
    recipe,
    recipeHash: identityOf(recipe),
    arms: recipe.arms.map((arm) => {
      const runs = [...rowsOf.get(arm.id)!.values()];
      const scores = [...scoresOf.get(arm.id)!.values()];
      const options = { seed: arm.id, resamples: scoreResamples };
      return {
        id: arm.id,
        arm,
        seeds: recipe.seeds,
        scores: armScores(runs, scores, options),
      };
    }),
    models: recipe.seeds.flatMap((seed) =>
      recipe.arms.map((arm) => ({
        id: `${arm.id}/seed-${seed}`,
        label: arm.id,
        arm,
        seed,
        scores: scoresOf
          .get(arm.id)!
          .get(seed)!
          .filter(({ type }) => type === 'all'),
        curves: { branch: curve(2), finetune: curve(1) },
        accounts: [
          {
            phase: '2 · image-text',
            source: 'captions',
            plannedShare: 0.85,
            plannedTokens: 850.4,
            deliveredTokens: 848,
            truncatedTokens: 0,
            paddingTokens: 3,
          },
        ],
        branchTokens: arm.branchPoint * recipe.main.tokens,
        parameters: 1000,
      })),
    ),
    mainCurves: recipe.seeds.map((seed) => ({ seed, points: curve(3) })),
    comparisons: compareArms(recipe, rowsOf),
    byTask: compareByTask(recipe, rowsOf),
    controls: controlComparisons(recipe, rowsOf),
    samples: [
      {
        itemId: 'open-vqa-1',
        task: 'open-vqa',
        type: 'name',
        split: 'new-scene',
        question: 'What is <this>?',
        expected: 'a | pipe',
        image: onePixel,
        answers: recipe.arms.flatMap(({ id }) =>
          recipe.seeds.map((seed) => ({ arm: id, seed, output: '<script>alert(1)</script>', score: seed % 2 })),
        ),
      },
    ],
    encoder: { kind: 'cnn' },
    corpus: {},
    skipped: {},
    phases: study.phases
      .filter(({ kind }) => kind !== 'report')
      .map(({ id, kind, hash }) => ({ id, kind, hash, seconds: 61, peakBytes: 2 ** 28 })),
    missing: [],
    plan: { all, naive },
    versions: { 'staged-vlm': '0.0.0' },
    machine: { cpu: 'a processor', cores: 2, memoryBytes: 2 ** 33, platform: 'linux x64' },
  };
}

/** Questions that no model answers better blind than one in ten. */
function answers(seed: string, skill: number): EvalRow[] {
  const random = createRandom(`made-up/${seed}`);
  const row = (i: number, condition: EvalRow['condition'], p: number): EvalRow => ({
    id: `open-vqa-${i}`,
    task: 'open-vqa',
    split: 'new-scene',
    type: ['name', 'colour'][i % 2]!,
    condition,
    prompt: '?',
    output: '',
    expected: '',
    score: random.uniform() < p ? 1 : 0,
    chance: 0.1,
  });
  const questions = Array.from({ length: items }, (_, i) => [
    row(i, 'image', skill),
    row(i, 'no-image', 0.1),
    row(i, 'wrong-image', 0.1),
  ]);
  const text = Array.from({ length: 20 }, (_, i): EvalRow => {
    const { chance: _chance, ...common } = row(i, 'text', 0);
    return {
      ...common,
      id: `text-${i}`,
      task: 'bits-per-byte',
      split: 'test',
      score: 3 + random.uniform(),
      weight: 10,
    };
  });
  return [...questions.flat(), ...text];
}

const curve = (loss: number) => [0, 1, 2].map((i) => ({ tokens: 1000 * i, loss: loss - 0.1 * i, lr: 1e-3 }));

/** A PNG of one pixel. */
const onePixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
