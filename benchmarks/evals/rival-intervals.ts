/** Intervals over seeds and items that `@vlm/evals` does not use, to see what they hold. */
import { createRandom } from '@vlm/model';
import { tQuantile } from '../../packages/evals/src/statistics/student-t.ts';

export type RunsInterval = (runs: readonly (readonly number[])[], seed: number) => [number, number];

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Seeds and items drawn with replacement, independently (Owen 2007), 2.5 % cut off at each end. */
export const pigeonhole: RunsInterval = (runs, seed) => {
  const [resamples, seeds, items] = [500, runs.length, runs[0]!.length];
  const random = createRandom(`pigeonhole/${seed}`);
  const means = Array.from({ length: resamples }, () => {
    const mixed = new Float64Array(items);
    for (let s = 0; s < seeds; s++) {
      const run = runs[random.integer(seeds)]!;
      for (let i = 0; i < items; i++) mixed[i]! += run[i]!;
    }
    let sum = 0;
    for (let i = 0; i < items; i++) sum += mixed[random.integer(items)]!;
    return sum / seeds / items;
  }).sort((a, b) => a - b);
  const at = (share: number): number => means[Math.round(share * (resamples - 1))]!;
  return [at(0.025), at(0.975)];
};

/** Items alone are drawn: seeds are taken for all seeds there are. */
export const itemsAlone: RunsInterval = (runs) => {
  const perItem = runs[0]!.map((_, i) => mean(runs.map((run) => run[i]!)));
  const centre = mean(perItem);
  const variance = perItem.reduce((sum, x) => sum + (x - centre) ** 2, 0) / (perItem.length - 1) / perItem.length;
  return [centre - 1.96 * Math.sqrt(variance), centre + 1.96 * Math.sqrt(variance)];
};

/** Student's t over the runs' means, items taken for all items there are. */
export const seedsAlone: RunsInterval = (runs) => {
  const means = runs.map(mean);
  const centre = mean(means);
  const variance = means.reduce((sum, x) => sum + (x - centre) ** 2, 0) / (means.length - 1) / means.length;
  const half = tQuantile(0.975, means.length - 1) * Math.sqrt(variance);
  return [centre - half, centre + half];
};

/** Crossed random effects with the degrees of freedom of Satterthwaite (1946). */
export const satterthwaite: RunsInterval = (runs) => {
  const [seeds, items] = [runs.length, runs[0]!.length];
  const perItem = runs[0]!.map((_, i) => mean(runs.map((run) => run[i]!)));
  const perSeed = runs.map(mean);
  const centre = mean(perSeed);
  const squares = (values: readonly number[]): number => values.reduce((sum, x) => sum + (x - centre) ** 2, 0);
  const ofSeeds = squares(perSeed) / (seeds - 1) / seeds;
  const ofItems = squares(perItem) / (items - 1) / items;
  let rest = 0;
  for (const [s, run] of runs.entries())
    for (const [i, value] of run.entries()) rest += (value - perItem[i]! - perSeed[s]! + centre) ** 2;
  const ofRest = rest / ((seeds - 1) * (items - 1)) / (seeds * items);
  const variance = Math.max(ofSeeds + ofItems - ofRest, 1e-12);
  const degrees = variance ** 2 / (ofSeeds ** 2 / (seeds - 1) + ofItems ** 2 / (items - 1));
  const half = tQuantile(0.975, Math.max(1, Math.floor(Math.min(degrees, 1000)))) * Math.sqrt(variance);
  return [centre - half, centre + half];
};
