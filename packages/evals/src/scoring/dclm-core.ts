/** DCLM's CORE and EXTENDED scores (dclm `eval/aggregated_metrics.py`): means of centred accuracies. */
import { EvalsError } from '../errors.ts';
import { dclmCoreTasks, dclmTasks } from './dclm-tasks.ts';

export interface DclmScore {
  /** Mean of the 22 core tasks' centred accuracies; absent where one is missing. */
  core?: number;
  missingFromCore: string[];
  /** Mean over all tasks; absent where one is missing. */
  extended?: number;
  missing: string[];
  /** Centred accuracies of the tasks that are present. */
  centred: Record<string, number>;
  /** Means over the present tasks of a category; absent where it has none. */
  categories: Record<string, number>;
}

/**
 * A centred accuracy is (accuracy − baseline) / (1 − baseline): 0 for guessing, 1 for perfection. The stable score of the paper does not divide.
 * @param accuracies by task name, 0 to 1; names that DCLM does not know are ignored
 * @param version of DCLM's table of baselines, default `v2`; scores of the two cannot be compared
 * @throws EvalsError INVALID_ITEM for an accuracy out of range
 * @example dclmCore({ copa: 0.75 }).centred.copa // 0.5
 */
export function dclmCore(accuracies: Readonly<Record<string, number>>, version: 'v1' | 'v2' = 'v2'): DclmScore {
  const centred: Record<string, number> = {};
  const missing: string[] = [];
  const categories: Record<string, number[]> = {};
  for (const [task, { category, baseline, baselineV1 }] of Object.entries(dclmTasks)) {
    const accuracy = Object.hasOwn(accuracies, task) ? accuracies[task] : undefined;
    if (accuracy === undefined) {
      missing.push(task);
      continue;
    }
    if (!(accuracy >= 0 && accuracy <= 1))
      throw new EvalsError(
        'INVALID_ITEM',
        `DCLM: expected the accuracy of ${task} from 0 to 1, got ${accuracy}; is it in percent?`,
      );
    const chance = 0.01 * (version === 'v1' ? (baselineV1 ?? baseline) : baseline);
    centred[task] = (accuracy - chance) / (1 - chance);
    categories[category] = [...(categories[category] ?? []), centred[task]];
  }
  const missingFromCore = dclmCoreTasks.filter((task) => missing.includes(task));
  return {
    ...(missingFromCore.length === 0 ? { core: average(dclmCoreTasks.map((task) => centred[task]!)) } : {}),
    missingFromCore,
    ...(missing.length === 0 ? { extended: average(Object.values(centred)) } : {}),
    missing,
    centred,
    categories: Object.fromEntries(Object.entries(categories).map(([name, values]) => [name, average(values)])),
  };
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
