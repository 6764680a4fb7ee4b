import type { ScoredRow } from '@vlm/evals';
import type { Recipe } from '../recipe.ts';
import { budget } from '../sweeps/budget.ts';
import { lateBranchPoint, percentName } from '../sweeps/sweep.ts';
import { armSide, compareSides, headlinePair, isTold, type RowsOfArms, type Side, untold } from './compare-arms.ts';
import { type Measure, signedDifference, sixTaskMeasure, visionMeasure } from './measures.ts';
import type { Comparison } from './results.ts';

/**
 * What else than the images could make an early branch better: the learning rate that comes with it (sweep `schedule`), the number of image tokens
 * (sweep `budget`), or text pre-training itself (the text-only twins). Each contrast holds one of them fixed.
 */

const late = `branch-${percentName(lateBranchPoint)}`;
const rewarmedLate = `rewarm-${percentName(lateBranchPoint)}-x1`;
const twoPhase = 'rewarm-100-x1';
const twin = (id: string): string => `${id}-text-only`;
const twoPhaseAt = (peak: string): string => `rewarm-100-${peak}`;

/** The contrasts that the arms of a study allow, by the means over tasks; those of one question and measure are corrected together. */
export function controlComparisons(recipe: Recipe, rowsOf: RowsOfArms): Comparison[] {
  const side = (id: string): Side | undefined => armSide(rowsOf, id);
  type Contrast = [Side | undefined, Side | undefined];
  // The same arm under the name that the answer has for it, where a recipe gives it but one.
  const [, ofAnswer = twoPhase] = headlinePair(recipe.arms) ?? [];
  const rewarmedTwoPhase = side(twoPhase) ?? side(ofAnswer);
  const questions: Contrast[][] = [
    [
      [side(rewarmedLate), rewarmedTwoPhase],
      [side(late), side(rewarmedLate)],
    ],
    ['x0.1', 'x0.3', 'x2'].map((peak): Contrast => [side(late), side(twoPhaseAt(peak))]),
    twinContrasts(side, late),
    twinContrasts(side, rewarmedLate),
    ...budgetQuestions(recipe).map((pairs) => pairs.map(([a, b]): Contrast => [side(a), side(b)])),
  ];
  return questions.flatMap((contrasts) => {
    const sides = contrasts.filter((pair): pair is [Side, Side] => pair[0] !== undefined && pair[1] !== undefined);
    return [visionMeasure, sixTaskMeasure].flatMap((measure) =>
      compareSides('controls', measure, sides, recipe.evaluate.bootstrapSamples),
    );
  });
}

/** A late arm and the two-phase arm without images in phase 2, and what the images add to each. */
function twinContrasts(side: (id: string) => Side | undefined, arm: string): [Side | undefined, Side | undefined][] {
  const added = (id: string): Side | undefined => without(side(id), side(twin(id)));
  return [
    [side(twin(arm)), side(twin(twoPhase))],
    [added(arm), added(twoPhase)],
  ];
}

/**
 * Early and few at a time against late and many (the lowest share and the highest at each earlier point, the highest at 100 %); then the earlier points
 * against 100 % at each lower share.
 */
function budgetQuestions(recipe: Recipe): [string, string][][] {
  if (!recipe.sweeps?.includes('budget')) return [];
  const arms = budget.arms(recipe);
  const shares = [...new Set(arms.map(({ imageShare }) => imageShare!))].sort((a, b) => a - b);
  const find = (point: number, share: number): string =>
    arms.find((arm) => arm.branchPoint === point && arm.imageShare === share)!.id;
  const [fewest, most] = [shares[0]!, shares.at(-1)!];
  const points = [...new Set(arms.map(({ branchPoint }) => branchPoint))].filter((point) => point < 1);
  return [
    points.flatMap((point): [string, string][] => [
      [find(point, fewest), find(1, most)],
      [find(point, most), find(1, most)],
    ]),
    shares
      .filter((share) => share < most)
      .flatMap((share) => points.map((point): [string, string] => [find(point, share), find(1, share)])),
  ];
}

/** What one arm has over another, item by item, as a side of its own: their difference is compared. */
function without(whole: Side | undefined, part: Side | undefined): Side | undefined {
  if (!whole || !part) return undefined;
  return {
    name: `(${whole.name} − ${part.name})`,
    seeds: whole.seeds.filter((seed) => part.seeds.includes(seed)),
    runs(measure, seeds) {
      const subtract = part.runs(measure, seeds);
      return whole.runs(measure, seeds).map((rows, r) => {
        const scores = new Map(subtract[r]!.map(({ id, score }) => [id, score]));
        return rows.map((row): ScoredRow => ({ ...row, score: row.score - (scores.get(row.id) ?? Number.NaN) }));
      });
    },
  };
}

/** What the controls say about the difference between the late integrated arm and the two-phase arm, in words. */
export function controlSentences(headline: Comparison | undefined, controls: readonly Comparison[]): string[] {
  return [...scheduleSentences(headline, controls), ...twinSentences(controls), ...budgetSentences(headline, controls)];
}

/** Whether two branch points were compared at one learning rate. */
export const hasRateControl = (controls: readonly Comparison[]): boolean => atOneRate(controls) !== undefined;

function scheduleSentences(headline: Comparison | undefined, controls: readonly Comparison[]): string[] {
  const matched = atOneRate(controls);
  const rateAlone = find(controls, late, rewarmedLate);
  if (!headline || !matched || !rateAlone) return [];
  const details = `At the same re-warmed rate the arms differ by ${shown(matched)}; at the same branch point the two rates differ by ${shown(rateAlone)}.`;
  return [
    `Is it the learning rate? ${scheduleVerdict(headline, matched, rateAlone)} ${details}${matched.seeds === 1 ? ' Another seed may say otherwise.' : ''}`,
    ...sixTaskSentences(controls),
    ...peakSentences(controls),
  ];
}

function sixTaskSentences(controls: readonly Comparison[]): string[] {
  const matched = atOneRate(controls, sixTaskMeasure);
  const rateAlone = find(controls, late, rewarmedLate, sixTaskMeasure);
  if (!matched || !rateAlone) return [];
  return [
    `The same by the six-task score: at the same re-warmed rate the arms differ by ${shown(matched)}, at the same branch point the two rates by ${shown(rateAlone)}.`,
  ];
}

/** Whether the learning rate explains a difference, judged by contrasts that hold after correction and by nothing else. */
function scheduleVerdict(headline: Comparison, matched: Comparison, rateAlone: Comparison): string {
  const isAlike = (other: Comparison): boolean => Math.sign(other.difference) === Math.sign(headline.difference);
  if (isTold(matched)) {
    if (!isTold(headline))
      return `It hides a difference: where both arms warm up again to one peak, ${matched.verdict}.`;
    return isAlike(matched)
      ? 'No: the difference stands where both arms warm up again to one peak.'
      : `It turns the order round: where both arms warm up again to one peak, ${matched.verdict}.`;
  }
  if (!isTold(headline)) {
    return isTold(rateAlone)
      ? `The branch point shows no difference, and the rate does: ${rateAlone.verdict} at the same branch point.`
      : 'There is no difference to explain, and the rate alone shows none either.';
  }
  return isTold(rateAlone) && isAlike(rateAlone)
    ? 'The learning rate is enough to explain the difference: it is there between two rates at one branch point, and cannot be told between two branch points at one rate.'
    : 'That cannot be told: with the rate held fixed the difference is no longer told from nothing, and neither is what the rate does alone.';
}

function peakSentences(controls: readonly Comparison[]): string[] {
  const peaks = byVision(controls).filter(({ a, b }) => a === late && b.startsWith('rewarm-100-'));
  if (peaks.length === 0) return [];
  const list = peaks
    .map((row) => `${row.b.slice('rewarm-100-'.length)} of the recipe’s peak: ${shown(row)}`)
    .join('; ');
  return [`Is the two-phase arm badly tuned? ${late} less the 100 % arm at other peaks: ${list}.`];
}

function twinSentences(controls: readonly Comparison[]): string[] {
  return [
    ...twinSentence(controls, late, 'Does it need the images?', 'branch point and learning rate do'),
    ...twinSentence(controls, rewarmedLate, 'And at one re-warmed rate?', 'the branch point does'),
  ];
}

function twinSentence(controls: readonly Comparison[], arm: string, question: string, what: string): string[] {
  const twins = find(controls, twin(arm), twin(twoPhase));
  const images = byVision(controls).find(({ a }) => a.startsWith(`(${arm} `));
  if (!twins || !images) return [];
  const verdict = isTold(twins)
    ? `The twins differ without a single image in phase 2, so part of what ${what} is not about images`
    : `Without images in phase 2 the two branch points ${untold(twins)}`;
  return [
    `${question} ${verdict} (${points(twins)}); what phase 2’s images add differs between the branch points by ${shown(images)}.`,
  ];
}

function budgetSentences(headline: Comparison | undefined, controls: readonly Comparison[]): string[] {
  const rows = byVision(controls).filter(({ a, b }) => a.startsWith('budget-') && b.startsWith('budget-'));
  // The first of the two questions has late and many in all of its rows, the second in none.
  const lateAndMany = rows[0]?.b;
  const [ofAll, ofLower] = [true, false].map((isFirst) => rows.filter(({ b }) => (b === lateAndMany) === isFirst));
  // The same models under another name: no second piece of evidence.
  const isHeadline = (row: Comparison): boolean =>
    row.difference === headline?.difference && row.low === headline.low && row.high === headline.high;
  const list = (of: readonly Comparison[]): string =>
    of
      .map(
        (row) => `${row.a} less ${row.b}: ${shown(row)}${isHeadline(row) ? ' (the same models as in the answer)' : ''}`,
      )
      .join('; ');
  const sentence = (asked: readonly Comparison[], all: string, none: string): string[] => {
    if (asked.length === 0) return [];
    const told = asked.filter(isTold);
    return [told.length > 0 ? `${all}: ${list(told)}.` : `${all} ${none} (${list(asked)}).`];
  };
  return [
    ...sentence(
      ofAll!,
      'With the same number of image tokens for all',
      'no early start can be told from starting at 100 % with the full share',
    ),
    ...sentence(ofLower!, 'At one lower share, with as many image tokens', 'no early start can be told from 100 %'),
  ];
}

/** Two branch points at one re-warmed rate; whatever the two-phase arm is called. */
const atOneRate = (controls: readonly Comparison[], { name }: Measure = visionMeasure): Comparison | undefined =>
  controls.find(({ a, measure }) => a === rewarmedLate && measure === name);

function find(
  controls: readonly Comparison[],
  a: string,
  b: string,
  { name }: Measure = visionMeasure,
): Comparison | undefined {
  return controls.find((row) => row.a === a && row.b === b && row.measure === name);
}

const byVision = (controls: readonly Comparison[]): Comparison[] =>
  controls.filter(({ measure }) => measure === visionMeasure.name);

/** `+1.2 points [−0.3, +2.7]` */
function points(row: Comparison): string {
  const show = (value: number): string => signedDifference(visionMeasure, value);
  return `${show(row.difference)} points [${show(row.low)}, ${show(row.high)}]`;
}

/** `+1.2 points [−0.3, +2.7], cannot be told apart` */
const shown = (row: Comparison): string => (isTold(row) ? points(row) : `${points(row)}, ${untold(row)}`);
