/** Areas under ROC and precision-recall curves, as scikit-learn computes them. */

/** Counts at every distinct threshold, from the highest score down. */
function steps(scores: readonly number[], truths: readonly boolean[]): { yes: number; no: number }[] {
  const order = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!);
  const found: { yes: number; no: number }[] = [];
  let [yes, no] = [0, 0];
  order.forEach((i, at) => {
    if (truths[i]) yes++;
    else no++;
    if (at + 1 === order.length || scores[order[at + 1]!] !== scores[i]) found.push({ yes, no });
  });
  return found;
}

/**
 * Area under the ROC curve by trapezia: the probability that a yes outranks a no, ties half. NaN where one side is empty.
 * @example areaUnderRoc([0.9, 0.1], [true, false]) // 1
 */
export function areaUnderRoc(scores: readonly number[], truths: readonly boolean[]): number {
  const yes = truths.filter(Boolean).length;
  const no = truths.length - yes;
  let area = 0;
  let before = { yes: 0, no: 0 };
  for (const step of steps(scores, truths)) {
    area += ((step.no - before.no) * (step.yes + before.yes)) / 2;
    before = step;
  }
  return yes === 0 || no === 0 ? Number.NaN : area / (yes * no);
}

/**
 * Average precision: Σ (recall step · precision), no interpolation. 0 where there is no yes.
 * @example averagePrecision([0.6, 0.3, 0.1], [false, true, true]) // 0.5833…
 */
export function averagePrecision(scores: readonly number[], truths: readonly boolean[]): number {
  const yes = truths.filter(Boolean).length;
  let sum = 0;
  let before = 0;
  for (const step of steps(scores, truths)) {
    sum += ((step.yes - before) / yes) * (step.yes / (step.yes + step.no));
    before = step.yes;
  }
  return yes === 0 ? 0 : sum;
}
