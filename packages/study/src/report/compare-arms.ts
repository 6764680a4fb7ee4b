import { compare, type EvalRow, holm } from '@vlm/evals';
import type { Arm, Recipe } from '../recipe.ts';
import type { Comparison } from './results.ts';
import { visionScoreItems } from './score-rows.ts';

type Measure = {
  name: string;
  rows(rows: readonly EvalRow[]): { id: string; score: number; weight?: number }[];
  better: 'higher' | 'lower';
};

const measures: readonly Measure[] = [
  { name: 'vision score', rows: (rows) => visionScoreItems(rows, 'image'), better: 'higher' },
  {
    name: 'open VQA',
    rows: (rows) =>
      rows.filter((row) => row.task === 'open-vqa' && row.split === 'new-scene' && row.condition === 'image'),
    better: 'higher',
  },
  { name: 'bits per byte', rows: (rows) => rows.filter((row) => row.task === 'bits-per-byte'), better: 'lower' },
];

/**
 * Every arm against the two-phase arm (the latest branch point), paired on the same items and seeds. Verdicts hold after Holm's
 * correction over all comparisons of one measure.
 */
export function compareArms(recipe: Recipe, rowsOf: ReadonlyMap<string, EvalRow[]>): Comparison[] {
  const reference = recipe.arms.reduce((latest, arm) => (arm.branchPoint > latest.branchPoint ? arm : latest));
  const others = recipe.arms.filter((arm) => arm !== reference);
  return measures.flatMap((measure) => {
    const runs = (arm: Arm) => ({
      name: arm.id,
      runs: recipe.seeds.map((seed) => measure.rows(rowsOf.get(`${arm.id}/seed-${seed}`) ?? [])),
    });
    const comparable = others.filter((arm) => runs(arm).runs.every((rows) => rows.length > 0));
    const compared = comparable.map((arm) => ({
      arm,
      result: compare(runs(arm), runs(reference), {
        seed: `compare/${measure.name}`,
        resamples: recipe.evaluate.bootstrapSamples,
        better: measure.better,
      }),
    }));
    const adjusted = holm(compared.map(({ result }) => result.p));
    return compared.map(({ arm, result }, i): Comparison => {
      const isTold = adjusted[i]! < 0.05 && result.verdict !== 'cannot be told apart';
      const better = result.verdict === 'A better' ? arm.id : reference.id;
      return {
        a: arm.id,
        b: reference.id,
        measure: measure.name,
        difference: result.difference.estimate,
        low: result.difference.low,
        high: result.difference.high,
        pValue: adjusted[i]!,
        verdict: isTold ? `${better} is better` : 'cannot be told apart',
      };
    });
  });
}
