import { compare, type EvalRow, holm, type ScoredRow } from '@vlm/evals';
import type { Arm, Recipe } from '../recipe.ts';
import { sweeps } from '../sweeps/index.ts';
import { against, lateBranchPoint, type Sweep, timingLine } from '../sweeps/sweep.ts';
import { inTaskOrder } from './conditions.ts';
import { type Measure, measures, seenPart, sixTaskMeasure, taskMeasure, visionMeasure } from './measures.ts';
import type { Comparison } from './results.ts';

/** Answers of every seed of every arm. */
export type RowsOfArms = ReadonlyMap<string, ReadonlyMap<number, readonly EvalRow[]>>;

/** One side of a comparison: a name, and its scores seed by seed. */
export interface Side {
  name: string;
  runs(measure: Measure, seeds: readonly number[]): readonly (readonly ScoredRow[])[];
  seeds: readonly number[];
}

/** An arm as one side of a comparison; undefined where it has not been evaluated. */
export function armSide(rowsOf: RowsOfArms, id: string): Side | undefined {
  const bySeed = rowsOf.get(id);
  if (!bySeed || bySeed.size === 0) return undefined;
  return {
    name: id,
    seeds: [...bySeed.keys()],
    runs: (measure, seeds) => seeds.map((seed) => measure.rows(bySeed.get(seed)!)),
  };
}

/**
 * The comparison that the question is about, which stands by itself because the paper chose it and not these numbers; and those that the recipe's
 * sweeps ask for, or, without the sweep `timing`, of every arm on its line (without any sweep, of every arm) against the two-phase arm; paired on
 * the same items and seeds. Verdicts hold after Holm's correction over all comparisons of one family and measure.
 */
export function compareArms(recipe: Recipe, rowsOf: RowsOfArms): Comparison[] {
  const headline = headlinePair(armsOf(recipe, rowsOf));
  const families: [Comparison['family'], readonly (readonly [string, string])[]][] = [
    ['headline', headline ? [headline] : []],
    ['recipe', recipePairs(recipe)],
    ...(recipe.sweeps ?? []).map((name): [Comparison['family'], ReturnType<Sweep['pairs']>] => [
      name,
      sweeps[name].pairs(recipe),
    ]),
  ];
  return families.flatMap(([family, pairs]) => {
    const sides = pairs.flatMap(([a, b]): [Side, Side][] => {
      const both = [armSide(rowsOf, a), armSide(rowsOf, b)];
      return both[0] && both[1] ? [[both[0], both[1]]] : [];
    });
    return measures.flatMap((measure) => compareSides(family, measure, sides, recipe.evaluate.bootstrapSamples));
  });
}

/**
 * The comparison that the question is about, task by task on new scenes: where its difference comes from. Then what of it, and of both means, comes
 * from looking (`seenPart`). Single tasks are corrected for their number.
 */
export function compareByTask(recipe: Recipe, rowsOf: RowsOfArms): Comparison[] {
  const sides = headlinePair(armsOf(recipe, rowsOf))?.map((id) => armSide(rowsOf, id)!);
  if (!sides) return [];
  const [a, b] = sides as [Side, Side];
  const rows = [...rowsOf.get(a.name)!.values()].flat();
  const tasks = rows.filter((row) => row.split === 'new-scene' && row.condition === 'image').map(({ task }) => task);
  const compared = (wanted: readonly Measure[]): Comparison[] =>
    compareAll(
      'tasks',
      wanted.map((measure) => ({ measure, a, b })),
      recipe.evaluate.bootstrapSamples,
    );
  const single = inTaskOrder(tasks).map(taskMeasure);
  const means = [visionMeasure, sixTaskMeasure].map(seenPart);
  return [...compared(single), ...means.flatMap((mean) => compared([mean])), ...compared(single.map(seenPart))];
}

const armsOf = (recipe: Recipe, rowsOf: RowsOfArms): Arm[] =>
  [...rowsOf.keys()].map((id) => recipe.arms.find((arm) => arm.id === id)!);

/** The paper's arm at 80 % (or else the last one before the end) and the two-phase arm; undefined where one of them is missing. */
export function headlinePair(arms: readonly Arm[]): [string, string] | undefined {
  const line = timingLine(arms.map((arm) => ({ arm }))).map(({ arm }) => arm);
  const early = line.filter(({ branchPoint }) => branchPoint < 1).sort((a, b) => b.branchPoint - a.branchPoint);
  const late = early.find(({ branchPoint }) => branchPoint === lateBranchPoint) ?? early[0];
  const twoPhase = line.find(({ branchPoint }) => branchPoint === 1);
  return late && twoPhase ? [late.id, twoPhase.id] : undefined;
}

/**
 * Every arm against the two-phase arm, or against the latest branch point where there is none. With sweeps the arms on the line of branch points
 * alone, and where a sweep asks about these itself, none.
 */
function recipePairs({ arms, sweeps: names }: Recipe): (readonly [string, string])[] {
  if (names?.includes('timing') || names?.includes('from-public')) return [];
  const line = timingLine(arms.map((arm) => ({ arm }))).map(({ arm }) => arm);
  const compared = names ? line : arms;
  if (compared.length === 0) return [];
  const reference =
    line.find(({ branchPoint }) => branchPoint === 1) ??
    compared.reduce((latest, arm) => (arm.branchPoint > latest.branchPoint ? arm : latest));
  return against(reference.id, compared);
}

/** One family of comparisons by one measure, on the seeds that both sides have. */
export function compareSides(
  family: Comparison['family'],
  measure: Measure,
  sides: readonly (readonly [Side, Side])[],
  resamples: number,
): Comparison[] {
  return compareAll(
    family,
    sides.map(([a, b]) => ({ measure, a, b })),
    resamples,
  );
}

/** Comparisons of one family; verdicts are corrected for all of them. */
function compareAll(
  family: Comparison['family'],
  asked: readonly { measure: Measure; a: Side; b: Side }[],
  resamples: number,
): Comparison[] {
  const compared = asked.flatMap(({ measure, a, b }) => {
    const seeds = a.seeds.filter((seed) => b.seeds.includes(seed));
    const runs = [a, b].map((side) => side.runs(measure, seeds));
    if (seeds.length === 0 || runs.flat().some((rows) => rows.length === 0)) return [];
    const [runsA, runsB] = runs as [(typeof runs)[0], (typeof runs)[0]];
    const result = compare(
      { name: a.name, runs: runsA! },
      { name: b.name, runs: runsB! },
      { seed: `compare/${measure.name}`, resamples, better: measure.better },
    );
    return [{ measure, a: a.name, b: b.name, seeds, result }];
  });
  const adjusted = holm(compared.map(({ result }) => result.p));
  return compared.map(({ measure, a, b, seeds, result }, i): Comparison => {
    const isTold = adjusted[i]! < 0.05 && result.verdict !== undecided;
    return {
      family,
      a,
      b,
      measure: measure.name,
      difference: result.difference.estimate,
      low: result.difference.low,
      high: result.difference.high,
      pValue: adjusted[i]!,
      pAlone: result.p,
      correctedFor: compared.length,
      smallestShown: result.minimumDetectableDifference,
      seeds: seeds.length,
      items: result.difference.n,
      verdict: isTold ? `${result.verdict === 'A better' ? a : b} is better` : undecided,
    };
  });
}

const undecided = 'cannot be told apart';

/** Whether a comparison says which side is better. */
export const isTold = ({ verdict }: Comparison): boolean => verdict !== undecided;

/** Intervals are those of one comparison alone, verdicts are corrected: where the two part, both are said. */
export function untold({ low, high, pValue, correctedFor }: Comparison): string {
  const holdsZero = low <= 0 && high >= 0;
  return holdsZero
    ? undecided
    : `${undecided} as one of ${correctedFor} questions (p = ${pValue.toFixed(pValue < 0.1 ? 3 : 2)})`;
}
