/** Do intervals over seeds and items hold the truth, with two to five seeds? Paired differences of right and wrong between two arms. */
import { bootstrapRuns } from '@vlm/evals';
import { createRandom } from '../../packages/evals/src/random.ts';
import { shareOfSeeds, simulatedPair } from '../../packages/evals/src/testing/simulated-studies.ts';
import { itemsAlone, pigeonhole, type RunsInterval, satterthwaite, seedsAlone } from './rival-intervals.ts';

const ours: RunsInterval = (runs, seed) => {
  const { low, high } = bootstrapRuns(runs, { seed, resamples: 500 });
  return [low, high];
};
export const methods = {
  '@vlm/evals': ours,
  'pigeonhole bootstrap': pigeonhole,
  'Satterthwaite’s t': satterthwaite,
  't over seeds alone': seedsAlone,
  'items alone': itemsAlone,
};
export type Method = keyof typeof methods;

export interface SeedRow {
  seeds: number;
  /** Standard deviation over seeds of an arm's accuracy. */
  deviation: number;
  coverage: Record<Method, number>;
  /** Median width of ours. */
  width: number;
}

export const items = 200;

export function calibrateSeeds(studies: number): SeedRow[] {
  return [2, 3, 5].flatMap((seeds) =>
    [0, 0.01, 0.02, 0.03, 0.05, 0.1].map((deviation): SeedRow => {
      const random = createRandom(`calibration of ${seeds} seeds that scatter by ${deviation}`);
      const shape = {
        seeds,
        items,
        accuracy: 0.4,
        ofSeeds: shareOfSeeds(0.4, deviation),
        ofItems: 0.5,
        gain: 0.04,
        shared: 0.8,
      };
      const names = Object.keys(methods) as Method[];
      const held = new Map<Method, number>(names.map((name) => [name, 0]));
      const widths: number[] = [];
      for (let study = 0; study < studies; study++) {
        const { a, b } = simulatedPair(random, shape);
        const runs = a.map((run, s) => run.map((score, i) => score - b[s]![i]!));
        for (const name of names) {
          const [low, high] = methods[name](runs, study);
          if (low <= shape.gain && shape.gain <= high) held.set(name, held.get(name)! + 1);
          if (name === '@vlm/evals') widths.push(high - low);
        }
      }
      widths.sort((a, b) => a - b);
      const coverage = Object.fromEntries(names.map((name) => [name, held.get(name)! / studies]));
      return { seeds, deviation, coverage: coverage as SeedRow['coverage'], width: widths[Math.floor(studies / 2)]! };
    }),
  );
}
